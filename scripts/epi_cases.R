# Makes new reference cases with the R packages surveillance and EpiEstim, laid out like reference/surveillance, from invented
# series: what no one tuned to. Then: sizao epi reference FOLDER
# Usage: Rscript scripts/epi_cases.R FOLDER [SEED]   (packages: as for scripts/bench_epi.sh, and r-cran-jsonlite)
suppressWarnings(suppressMessages({library(surveillance); library(EpiEstim); library(jsonlite)}))
args <- commandArgs(trailingOnly = TRUE)
folder <- args[1]
set.seed(if (length(args) > 1) as.integer(args[2]) else 1L)
dir.create(folder, showWarnings = FALSE, recursive = TRUE)

numbers <- function(x) { x <- as.numeric(x); x[!is.finite(x)] <- NA; I(x) }
one <- function(...) sample(c(...), 1)
yes <- function(p) runif(1) < p
quiet <- function(x) try(suppressMessages(suppressWarnings(x)), silent = TRUE)
family <- function(name, cases) {
  out <- file(file.path(folder, paste0(name, ".jsonl")), "w")
  made <- 0
  for (case in cases) if (!is.null(case) && !inherits(case, "try-error")) {
    case <- c(list(family = name, series = "invented"), case)
    writeLines(as.character(toJSON(case, digits = 15, auto_unbox = TRUE, null = "null", na = "null")), out)
    made <- made + 1
  }
  close(out)
  cat(name, made, "cases\n")
}

# Negative binomial counts with trend, season and now and then an outbreak.
series <- function(n, frequency) {
  t <- seq_len(n)
  mean <- one(0.3, 4, 60, 4000) * exp(0.4 * sin(2 * pi * t / frequency) + runif(1, -0.002, 0.004) * t * 17 / frequency)
  y <- rnbinom(n, mu = mean, size = runif(1, 1, 20))
  if (yes(0.6)) for (k in sample(n, 3)) {
    days <- k:min(n, k + 4)
    y[days] <- y[days] + rpois(length(days), 3 * mean(mean))
  }
  y
}

flexible <- function(i) {
  frequency <- one(52, 52, 52, 12)
  yearly <- frequency == 12
  b <- one(2:5); w <- if (yearly) one(1:2) else one(1:4)
  y <- series(frequency * (b + 2) + one(0:10), frequency)
  n <- length(y)
  dated <- !yearly && yes(0.4); offset <- yes(0.25); method <- one("delta", "nbPlugin", "muan")
  population <- if (offset) round(1e5 * exp(cumsum(rnorm(n, 0, 0.003)))) else rep(1, n)
  dates <- as.Date("2009-01-05") + 7 * (0:(n - 1))
  range <- max(frequency * b + w + 3, n - 11):n
  settings <- list(b = b, w = w, reweight = yes(0.8), weightsThreshold = one(1, 2.58), glmWarnings = FALSE,
    alpha = one(0.05, 0.01, 0.005, 0.025), trend = yes(0.75), pThresholdTrend = one(1, 0.05), limit54 = c(5, 4),
    powertrans = one("2/3", "1/2", "none"), populationOffset = offset, noPeriods = if (yearly) one(1, 3, 4) else one(1, 5, 10),
    thresholdMethod = method, pastWeeksNotIncluded = if (yearly) one(1, 2, 6) else one(1, 3, 6, 13, 26))
  counts <- matrix(y, ncol = 1); population <- matrix(population, ncol = 1)
  object <- if (dated) sts(counts, epoch = as.numeric(dates), epochAsDate = TRUE, frequency = frequency, population = population)
    else sts(counts, frequency = frequency, population = population)
  r <- quiet(farringtonFlexible(object, c(list(range = range), settings)))
  if (inherits(r, "try-error")) return(NULL)
  told <- r@control
  tolerance <- list(expected_rel = 1e-6, phi_rel = 1e-6, score_rel = 1e-6, pvalue_abs = 1e-6, alarm = "exact where |score-1| > 1e-6")
  if (method != "delta") tolerance$mu0_rel <- 1e-6
  settings$limit54 <- I(settings$limit54)
  list(id = paste("flexible", i, method, frequency), settings = c(settings, epochAsDate = dated),
    input = list(counts = I(y), freq = frequency, dates = if (dated) I(as.character(dates)), population = if (offset) I(c(population))),
    output = list(range_1based = I(range), upperbound = numbers(upperbound(r)), alarm = I(as.logical(alarms(r))),
      expected = numbers(told$expected), mu0 = numbers(told$mu0Vector), phi = numbers(told$phiVector),
      score = numbers(told$score), pvalue = numbers(told$pvalue)),
    tolerance = tolerance)
}

original <- function(i) {
  frequency <- one(52, 52, 12)
  b <- one(1:5); w <- if (frequency == 12) one(1:2) else one(1:4)
  if (b * (2 * w + 1) < 6) w <- 3
  y <- series(frequency * (b + 1) + w + 20, frequency)
  n <- length(y)
  settings <- list(b = b, w = w, reweight = yes(0.7), alpha = one(0.05, 0.01), trend = yes(0.8),
    powertrans = one("2/3", "1/2", "none"), limit54 = c(5, 4))
  range <- max(frequency * b + w + 1, n - 14):n
  object <- create.disProg(week = 1:n, observed = y, state = rep(0, n), freq = frequency, start = c(2001, 1))
  r <- quiet(algo.farrington(object, c(list(range = range, verbose = FALSE, fitFun = "algo.farrington.fitGLM.fast"), settings)))
  if (inherits(r, "try-error")) return(NULL)
  settings$limit54 <- I(settings$limit54)
  list(id = paste("original", i, settings$powertrans, frequency), settings = c(settings, weightsThreshold = 1, two_sided_alpha = TRUE),
    input = list(counts = I(y), freq = frequency, dates = NULL),
    output = list(range_1based = I(range), upperbound = numbers(r$upperbound), alarm = I(as.logical(r$alarm)), trend = I(as.logical(r$trend))),
    tolerance = list(upperbound_rel = 1e-6, alarm = "exact where |count/upperbound - 1| > 1e-6", trend = "exact"))
}

chart <- function(i) {
  method <- one("C1", "C2", "C3"); baseline <- one(3, 7, 14, 28)
  n <- baseline + one(6, 40, 200)
  y <- switch(one(1:5), rpois(n, 0.2), rnbinom(n, mu = 8, size = 2), rpois(n, 1e6), rep(5, n), rpois(n, 3e8))
  if (yes(0.3)) y[sample(n, 1)] <- y[1] * 10 + 40
  alpha <- one(0.001, 0.025, 0.01, 0.1); least <- one(0, 0, 0.5, 1)
  r <- quiet(earsC(sts(matrix(y, ncol = 1), frequency = 52), list(method = method, baseline = baseline, minSigma = least, alpha = alpha)))
  if (inherits(r, "try-error")) return(NULL)
  bounds <- as.numeric(upperbound(r))
  list(id = paste("chart", i, method, baseline), settings = list(method = method, baseline = baseline, minSigma = least, alpha = alpha),
    input = list(counts = I(y), freq = 52, dates = NULL),
    output = list(range_1based = I((n - length(bounds) + 1):n), upperbound = numbers(bounds), alarm = I(ifelse(is.finite(bounds), as.logical(alarms(r)), NA))),
    tolerance = list(upperbound_rel = 1e-9, alarm = "exact where |count - upperbound| > 1e-9"))
}

reproduction <- function(i) {
  n <- one(15, 60, 120)
  y <- rpois(n, one(0.4, 5, 200, 1e6) * exp(cumsum(rnorm(n, 0, 0.05))))
  y[1] <- max(1, y[1])
  mean <- runif(1, 1.5, 12); sd <- runif(1, 0.4, 6); prior <- c(one(1, 2, 5), one(1, 3, 5)); window <- one(1, 3, 7)
  starts <- 2:(n - window + 1)
  imported <- if (yes(0.4)) c(y[1], rbinom(n - 1, y[-1], 0.2))
  cases <- if (is.null(imported)) y else data.frame(local = y - imported, imported = imported)
  r <- quiet(estimate_R(cases, method = "parametric_si", config = make_config(list(t_start = starts, t_end = starts + window - 1,
    mean_si = mean, std_si = sd, mean_prior = prior[1], std_prior = prior[2]))))
  if (inherits(r, "try-error")) return(NULL)
  r <- r$R
  at <- function(p) numbers(r[[paste0("Quantile.", p, "(R)")]])
  list(id = paste("reproduction", i),
    settings = list(method = "parametric_si", mean_si = mean, std_si = sd, mean_prior = prior[1], std_prior = prior[2], window = window,
      t_start = I(starts), t_end = I(starts + window - 1)),
    input = list(incidence = I(y), local = if (!is.null(imported)) I(y - imported), imported = if (!is.null(imported)) I(imported), si_distr = NULL),
    output = list(t_start = numbers(r$t_start), t_end = numbers(r$t_end), mean = numbers(r[["Mean(R)"]]), std = numbers(r[["Std(R)"]]),
      q0025 = at(0.025), q005 = at(0.05), q025 = at(0.25), median = numbers(r[["Median(R)"]]), q075 = at(0.75), q095 = at(0.95), q0975 = at(0.975)),
    tolerance = list(mean_rel = 1e-8, std_rel = 1e-8, quantile_rel = 1e-6))
}

interval <- function(pair) list(id = paste("interval", pair[1], pair[2]), settings = list(dist = "gamma shifted by 1"),
  input = list(mu = pair[1], sigma = pair[2], k = I(0:120)), output = list(w = I(discr_si(0:120, pair[1], pair[2]))), tolerance = list(w_abs = 1e-10))

family("farrington_flexible", lapply(1:60, flexible))
family("farrington", lapply(1:60, original))
family("ears", lapply(1:60, chart))
family("epiestim_cori", lapply(1:25, reproduction))
family("discr_si", lapply(list(c(40, 0.05), c(40, 0.3), c(40, 1), c(1.05, 0.2), c(1.01, 3), c(2, 0.01), c(15, 20), c(100, 3), c(7.5, 3.4), c(30, 0.5)), interval))

# The R side of `make bench-epi`: surveillance and EpiEstim on the same series as sizao.
# Arguments: weekly CSV, daily CSV (date,stratum,count), number of series per method, folder for results.
suppressMessages({library(surveillance); library(EpiEstim)})
args <- commandArgs(trailingOnly = TRUE)
dir <- args[4]
sizes <- as.integer(strsplit(args[3], ",")[[1]])
# Seconds of the processor, then of the clock on the wall.
cpu <- function(run) { t <- system.time(run); c(t[["user.self"]] + t[["sys.self"]], t[["elapsed"]]) }
read <- function(path, series) {
  table <- read.csv(path, stringsAsFactors = FALSE)
  kept <- unique(table$stratum)[seq_len(series)]
  split(table[table$stratum %in% kept, ], factor(table$stratum[table$stratum %in% kept], levels = kept))
}
report <- function(name, series, fits, compute, whole) {
  cat(sprintf("R\t%s\t%d\t%d\t%.6f\t%.6f\t%.6f\t%.6f\n", name, series, fits, compute[1], compute[2], whole[1], whole[2]))
}

# Farrington-flexible: the last 52 weeks, three years back.
n <- sizes[1]; fits <- 0; compute <- c(0, 0)
whole <- cpu({
  parts <- read(args[1], n); out <- list()
  compute <- cpu(for (part in parts) {
    y <- part$count
    series <- sts(y, frequency = 52)
    range <- (length(y) - 51):length(y)
    r <- suppressWarnings(farringtonFlexible(series, control = list(
      range = range, b = 3, w = 3, reweight = TRUE, weightsThreshold = 2.58, noPeriods = 10,
      pastWeeksNotIncluded = 26, thresholdMethod = "nbPlugin", alpha = 0.005, trend = TRUE,
      pThresholdTrend = 1, limit54 = c(5, 4), glmWarnings = FALSE)))
    fits <- fits + length(range)
    out[[length(out) + 1]] <- data.frame(date = part$date[range], stratum = part$stratum[1], count = y[range],
      upper_bound = as.numeric(upperbound(r)), alarm = as.logical(alarms(r)))
  })
  write.csv(do.call(rbind, out), file.path(dir, "r-farrington.csv"), row.names = FALSE)
})
report("farrington_flexible", n, fits, compute, whole)

# EARS C2 on days.
n <- sizes[2]; fits <- 0; compute <- c(0, 0)
whole <- cpu({
  parts <- read(args[2], n); out <- list()
  compute <- cpu(for (part in parts) {
    r <- earsC(sts(part$count, frequency = 365), control = list(method = "C2", baseline = 7, alpha = 0.001))
    range <- (length(part$count) - nrow(upperbound(r)) + 1):length(part$count)
    fits <- fits + length(range)
    out[[length(out) + 1]] <- data.frame(date = part$date[range], stratum = part$stratum[1], count = part$count[range],
      upper_bound = as.numeric(upperbound(r)), alarm = as.logical(alarms(r)))
  })
  write.csv(do.call(rbind, out), file.path(dir, "r-ears.csv"), row.names = FALSE)
})
report("ears_c2", n, fits, compute, whole)

# Cori's R on days, seven-day windows.
n <- sizes[3]; fits <- 0; compute <- c(0, 0)
whole <- cpu({
  parts <- read(args[2], n); out <- list()
  compute <- cpu(for (part in parts) {
    days <- length(part$count)
    starts <- 2:(days - 6)
    r <- suppressMessages(suppressWarnings(estimate_R(part$count, method = "parametric_si",
      config = make_config(list(t_start = starts, t_end = starts + 6, mean_si = 4.8, std_si = 2.3)))))
    fits <- fits + length(starts)
    out[[length(out) + 1]] <- data.frame(date = part$date[starts + 6], stratum = part$stratum[1],
      r_mean = r$R[["Mean(R)"]], r_lower = r$R[["Quantile.0.025(R)"]], r_upper = r$R[["Quantile.0.975(R)"]])
  })
  write.csv(do.call(rbind, out), file.path(dir, "r-cori.csv"), row.names = FALSE)
})
report("cori", n, fits, compute, whole)

//! What every method on a table of series is told.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use sizao_epi::{Gaps, Step};

#[derive(Args, Debug, Clone)]
pub struct SeriesArgs {
    /// Table with a header line: date, count (persons), and if wanted stratum, population, imported. `-` is standard
    /// input; .gz and .zst are unpacked.
    #[arg(long = "in", value_name = "FILE")]
    pub input: PathBuf,
    /// File to write; `-` is standard output.
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub out: PathBuf,
    /// Length of a period; `auto` sees it in the days.
    #[arg(long, value_enum, default_value = "auto")]
    pub step: StepArg,
    /// What a day without a row, or a row without a count, means: an error, or nothing seen.
    #[arg(long, value_enum, default_value = "refuse")]
    pub gaps: GapsArg,
    /// Zone whose days count where the dates are instants.
    #[arg(long, default_value = "Asia/Shanghai")]
    pub zone: String,
    /// Threads; 0 for one per processor.
    #[arg(long, default_value_t = 0)]
    pub threads: usize,
    /// Print to standard error how many periods were judged and the seconds that judging them took.
    #[arg(long)]
    pub times: bool,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
pub enum StepArg {
    /// Weeks, months or days, as the dates lie.
    Auto,
    /// One day.
    Day,
    /// Seven days.
    Week,
    /// A calendar month.
    Month,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
pub enum GapsArg {
    /// An error that names the gap.
    Refuse,
    /// Nothing was seen: 0.
    Zero,
}

impl SeriesArgs {
    pub fn step(&self) -> Option<Step> {
        match self.step {
            StepArg::Auto => None,
            StepArg::Day => Some(Step::Day),
            StepArg::Week => Some(Step::Week),
            StepArg::Month => Some(Step::Month),
        }
    }

    pub fn gaps(&self) -> Gaps {
        match self.gaps {
            GapsArg::Refuse => Gaps::Refuse,
            GapsArg::Zero => Gaps::AreZero,
        }
    }

    #[cfg(test)]
    pub fn for_tests(more: &[&str]) -> Self {
        use clap::Parser;
        #[derive(Parser)]
        struct Line {
            #[command(flatten)]
            series: SeriesArgs,
        }
        Line::parse_from(["t", "--in", "t.csv"].iter().chain(more)).series
    }
}

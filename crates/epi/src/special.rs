//! Distribution functions and quantiles that the methods share, accurate enough for golden tests at 1e-9.

mod beta;
mod gamma;
mod gamma_quantile;
mod gamma_table;
mod negative_binomial;
mod normal;
mod student;

pub(crate) use beta::beta_reg;
pub(crate) use gamma::gamma_lr;
pub(crate) use gamma_quantile::gamma_quantile;
pub(crate) use gamma_table::GammaTable;
pub(crate) use negative_binomial::CountDistribution;
pub(crate) use normal::{normal_cdf, normal_quantile, normal_upper};
pub(crate) use statrs::function::gamma::ln_gamma;
pub(crate) use student::{student_quantile, student_two_sided_p};

//! Poisson regression on one yearly wave.

use std::f64::consts::TAU;
use std::ops::RangeInclusive;

use crate::error::EpiError;

/// Expected counts of the `judged` periods from a wave fitted to the history.
///
/// Iterates from log(y + 0.1) and stops when the deviance changes by less than 1e-8 of itself, or after 25 steps.
pub(super) fn seasonal_means(
    history: &[f64],
    judged: RangeInclusive<usize>,
    periods_per_year: usize,
    first_period: usize,
) -> Result<Vec<f64>, EpiError> {
    let row = |index: usize| {
        let angle = TAU * (first_period + index) as f64 / periods_per_year as f64;
        [1.0, angle.cos(), angle.sin()]
    };
    let rows: Vec<[f64; 3]> = (0..history.len()).map(row).collect();
    let beta = poisson_regression(&rows, history).ok_or(EpiError::NotIdentifiable {
        quantity: "the seasonal wave of the expected count",
        reason: "the history is too short or too sparse for a yearly wave",
    })?;
    Ok(judged.map(|index| linear(&row(index), &beta).exp()).collect())
}

fn poisson_regression(rows: &[[f64; 3]], y: &[f64]) -> Option<[f64; 3]> {
    let mut eta: Vec<f64> = y.iter().map(|y| (y + 0.1).ln()).collect();
    let mut deviance_before = deviance(y, &eta);
    let mut beta = [0.0; 3];
    for _ in 0..25 {
        beta = weighted_least_squares(rows, y, &eta)?;
        eta.iter_mut().zip(rows).for_each(|(eta, row)| *eta = linear(row, &beta));
        let deviance = deviance(y, &eta);
        if !deviance.is_finite() {
            return None;
        }
        if (deviance - deviance_before).abs() / (deviance.abs() + 0.1) < 1e-8 {
            break;
        }
        deviance_before = deviance;
    }
    Some(beta)
}

fn linear(row: &[f64; 3], beta: &[f64; 3]) -> f64 {
    row[0] * beta[0] + row[1] * beta[1] + row[2] * beta[2]
}

fn deviance(y: &[f64], eta: &[f64]) -> f64 {
    let term = |(&y, &eta): (&f64, &f64)| {
        let mean = eta.exp();
        if y > 0.0 { y * (y.ln() - eta) - (y - mean) } else { mean }
    };
    2.0 * y.iter().zip(eta).map(term).sum::<f64>()
}

/// One step by orthogonal columns: a wave seen for only part of a year has nearly parallel columns, and the normal
/// equations would lose half of the digits.
fn weighted_least_squares(rows: &[[f64; 3]], y: &[f64], eta: &[f64]) -> Option<[f64; 3]> {
    let root: Vec<f64> = eta.iter().map(|eta| eta.exp().sqrt()).collect();
    let response = |i: usize| root[i] * (eta[i] + (y[i] - eta[i].exp()) / eta[i].exp());
    let mut rest: Vec<f64> = (0..rows.len()).map(response).collect();
    let mut columns: Vec<Vec<f64>> = Vec::with_capacity(3);
    let (mut triangle, mut right) = ([[0.0; 3]; 3], [0.0; 3]);
    for k in 0..3 {
        let mut column: Vec<f64> = rows.iter().zip(&root).map(|(row, root)| row[k] * root).collect();
        let length = dot(&column, &column).sqrt();
        for _ in 0..2 {
            for (j, unit) in columns.iter().enumerate() {
                let part = take_out(&mut column, unit);
                triangle[j][k] += part;
            }
        }
        let left = dot(&column, &column).sqrt();
        if left.is_nan() || left <= 1e-11 * length {
            return None;
        }
        triangle[k][k] = left;
        column.iter_mut().for_each(|v| *v /= left);
        right[k] = take_out(&mut rest, &column);
        columns.push(column);
    }
    let mut x = [0.0; 3];
    for i in (0..3).rev() {
        let known: f64 = (i + 1..3).map(|j| triangle[i][j] * x[j]).sum();
        x[i] = (right[i] - known) / triangle[i][i];
    }
    Some(x)
}

/// Subtracts the component along a unit vector and returns its length.
fn take_out(vector: &mut [f64], unit: &[f64]) -> f64 {
    let part = dot(vector, unit);
    vector.iter_mut().zip(unit).for_each(|(v, u)| *v -= part * u);
    part
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

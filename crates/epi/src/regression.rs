//! Poisson regression with a logarithmic link on a handful of columns.

/// A fitted regression.
#[derive(Debug, Clone)]
pub(crate) struct PoissonFit {
    /// Coefficients, in the order of the columns.
    pub(crate) beta: Vec<f64>,
    /// Fitted means.
    pub(crate) means: Vec<f64>,
    /// Upper triangle R with X'WX = R'R.
    triangle: Vec<Vec<f64>>,
}

impl PoissonFit {
    /// Logarithm of the mean at a row of the design.
    pub(crate) fn log_mean(&self, row: &[f64]) -> f64 {
        row.iter().zip(&self.beta).map(|(x, b)| x * b).sum()
    }

    /// x' (X'WX)^-1 x, by solving R'u = x.
    pub(crate) fn variance_factor(&self, row: &[f64]) -> f64 {
        let mut u = vec![0.0; row.len()];
        for i in 0..row.len() {
            let known: f64 = (0..i).map(|j| self.triangle[j][i] * u[j]).sum();
            u[i] = (row[i] - known) / self.triangle[i][i];
        }
        u.iter().map(|v| v * v).sum()
    }

    /// Σ (y - μ)²/μ / (n - p), at least 1; 1 without a degree of freedom.
    pub(crate) fn dispersion(&self, y: &[f64]) -> f64 {
        let squares: f64 = y.iter().zip(&self.means).map(|(y, m)| (y - m) * (y - m) / m).sum();
        let freedom = y.len() as f64 - self.beta.len() as f64;
        if freedom > 0.0 { (squares / freedom).max(1.0) } else { 1.0 }
    }
}

/// Fits counts on columns given row by row.
///
/// Iterates from log(y + 0.1) and stops when the deviance changes by less than 1e-8 of itself, or after 25 steps. None for
/// parallel columns or a deviance that is not finite.
pub(crate) fn poisson_regression(rows: &[Vec<f64>], y: &[f64]) -> Option<PoissonFit> {
    let mut eta: Vec<f64> = y.iter().map(|y| (y + 0.1).ln()).collect();
    let mut deviance_before = deviance(y, &eta);
    let mut fit = PoissonFit { beta: Vec::new(), means: Vec::new(), triangle: Vec::new() };
    for _ in 0..25 {
        (fit.beta, fit.triangle) = weighted_least_squares(rows, y, &eta)?;
        eta.iter_mut().zip(rows).for_each(|(eta, row)| *eta = fit.log_mean(row));
        let deviance = deviance(y, &eta);
        if !deviance.is_finite() {
            return None;
        }
        if (deviance - deviance_before).abs() / (deviance.abs() + 0.1) < 1e-8 {
            break;
        }
        deviance_before = deviance;
    }
    fit.means = eta.iter().map(|eta| eta.exp().max(f64::EPSILON)).collect();
    Some(fit)
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
fn weighted_least_squares(rows: &[Vec<f64>], y: &[f64], eta: &[f64]) -> Option<(Vec<f64>, Vec<Vec<f64>>)> {
    let p = rows.first().map_or(0, Vec::len);
    let root: Vec<f64> = eta.iter().map(|eta| eta.exp().max(f64::EPSILON).sqrt()).collect();
    let response = |i: usize| root[i] * eta[i] + (y[i] - root[i] * root[i]) / root[i];
    let mut rest: Vec<f64> = (0..rows.len()).map(response).collect();
    let mut columns: Vec<Vec<f64>> = Vec::with_capacity(p);
    let (mut triangle, mut right) = (vec![vec![0.0; p]; p], vec![0.0; p]);
    for k in 0..p {
        let mut column: Vec<f64> = rows.iter().zip(&root).map(|(row, root)| row[k] * root).collect();
        let length = dot(&column, &column).sqrt();
        for _ in 0..2 {
            for (j, unit) in columns.iter().enumerate() {
                triangle[j][k] += take_out(&mut column, unit);
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
    let mut beta = vec![0.0; p];
    for i in (0..p).rev() {
        let known: f64 = (i + 1..p).map(|j| triangle[i][j] * beta[j]).sum();
        beta[i] = (right[i] - known) / triangle[i][i];
    }
    Some((beta, triangle))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_column_of_ones_gives_the_mean_and_its_variance() {
        let y = [3.0, 5.0, 4.0, 0.0, 8.0];
        let fit = poisson_regression(&vec![vec![1.0]; 5], &y).unwrap();
        assert!((fit.beta[0] - 4f64.ln()).abs() < 1e-9);
        assert!((fit.variance_factor(&[1.0]) - 1.0 / 20.0).abs() < 1e-6);
    }

    #[test]
    fn the_score_equations_hold_at_the_solution() {
        let rows: Vec<Vec<f64>> = (0..30).map(|i| vec![1.0, f64::from(i), f64::from(i * i % 7)]).collect();
        let y: Vec<f64> = (0..30).map(|i| f64::from((i * 5 + 3) % 11)).collect();
        let fit = poisson_regression(&rows, &y).unwrap();
        for k in 0..3 {
            let score: f64 = rows.iter().zip(&y).zip(&fit.means).map(|((r, y), m)| r[k] * (y - m)).sum();
            assert!(score.abs() < 1e-3, "{k}: {score}");
        }
    }

    #[test]
    fn parallel_columns_are_refused() {
        let rows: Vec<Vec<f64>> = (0..9).map(|i| vec![f64::from(i), f64::from(2 * i)]).collect();
        assert!(poisson_regression(&rows, &[1.0; 9]).is_none());
    }
}

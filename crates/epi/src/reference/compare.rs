//! Comparing our values with the expected ones, and remembering the worst.

/// Values this close to the expected one are equal whatever the relative tolerance: printed zeros.
const ABSOLUTE_FLOOR: f64 = 1e-12;

/// The value of a case that used up most of its tolerance.
#[derive(Debug, Clone, PartialEq)]
pub struct Deviation {
    /// Id of the case.
    pub case_id: String,
    /// Name of the output and row, from 1.
    pub what: String,
    /// Difference in the terms of the tolerance: relative or absolute.
    pub error: f64,
    /// The tolerance.
    pub tolerance: f64,
    /// `error` / `tolerance`; above 1 the case failed.
    pub share: f64,
}

/// How a number is compared.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Within {
    Relative(f64),
    Absolute(f64),
}

/// The running comparison of one case.
pub(crate) struct Comparison {
    case_id: String,
    compared: usize,
    is_empty_by_nature: bool,
    worst: Option<Deviation>,
    failure: Option<String>,
    note: Option<String>,
}

impl Comparison {
    pub(crate) fn new(case_id: &str) -> Self {
        Self {
            case_id: case_id.to_owned(),
            compared: 0,
            is_empty_by_nature: false,
            worst: None,
            failure: None,
            note: None,
        }
    }

    /// Compares row by row; an expected `None` is skipped, ours may then be anything.
    pub(crate) fn rows(&mut self, what: &str, ours: &[Option<f64>], expected: &[Option<f64>], within: Within) {
        if ours.len() != expected.len() {
            self.fail(format!("{what}: {} rows, expected {}", ours.len(), expected.len()));
            return;
        }
        for (i, (our, their)) in ours.iter().zip(expected).enumerate() {
            self.value(&format!("{what}[{}]", i + 1), *our, *their, within);
        }
    }

    /// Compares one number.
    pub(crate) fn value(&mut self, what: &str, ours: Option<f64>, expected: Option<f64>, within: Within) {
        let Some(expected) = expected else { return };
        self.compared += 1;
        let Some(ours) = ours.filter(|v| v.is_finite()) else {
            self.fail(format!("{what}: no value, expected {expected}"));
            return;
        };
        let difference = (ours - expected).abs();
        let (error, tolerance) = match within {
            Within::Absolute(tolerance) => (difference, tolerance),
            Within::Relative(tolerance) if difference <= ABSOLUTE_FLOOR => (0.0, tolerance),
            Within::Relative(tolerance) => (difference / expected.abs(), tolerance),
        };
        let share = if tolerance > 0.0 {
            error / tolerance
        } else if error == 0.0 {
            0.0
        } else {
            f64::INFINITY
        };
        if share.is_nan() || share > 1.0 {
            self.fail(format!("{what}: {ours}, expected {expected}, off by {error:.3e}, allowed {tolerance:.1e}"));
        }
        if self.worst.as_ref().is_none_or(|w| share > w.share) {
            let (case_id, what) = (self.case_id.clone(), what.to_owned());
            self.worst = Some(Deviation { case_id, what, error, tolerance, share });
        }
    }

    /// Compares yes and no; `is_judged` says for which rows the answer is not a matter of rounding.
    pub(crate) fn flags(
        &mut self,
        what: &str,
        ours: &[bool],
        expected: &[Option<bool>],
        is_judged: impl Fn(usize) -> bool,
    ) {
        if ours.len() != expected.len() {
            self.fail(format!("{what}: {} rows, expected {}", ours.len(), expected.len()));
            return;
        }
        for (i, (our, their)) in ours.iter().zip(expected).enumerate() {
            if let Some(their) = their.filter(|_| is_judged(i)) {
                self.compared += 1;
                if *our != their {
                    self.fail(format!("{what}[{}]: {our}, expected {their}", i + 1));
                }
            }
        }
    }

    /// Compares two values that have to be the same.
    pub(crate) fn same<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, ours: T, expected: T) {
        self.compared += 1;
        if ours != expected {
            self.fail(format!("{what}: {ours:?}, expected {expected:?}"));
        }
    }

    /// Keeps the first thing that went wrong.
    pub(crate) fn fail(&mut self, text: String) {
        self.failure.get_or_insert(text);
    }

    /// Says something about the comparison that the reader of the report should know.
    pub(crate) fn note(&mut self, text: String) {
        self.note = Some(text);
    }

    pub(crate) fn noted(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// The reference itself holds no value for this case.
    pub(crate) fn expect_nothing(&mut self) {
        self.is_empty_by_nature = true;
    }

    pub(crate) fn nothing_to_compare(&self) -> bool {
        self.is_empty_by_nature
    }

    pub(crate) fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    pub(crate) fn values_compared(&self) -> usize {
        self.compared
    }

    pub(crate) fn into_worst(self) -> Option<Deviation> {
        self.worst
    }
}

/// Wraps values for [`Comparison::rows`].
pub(crate) fn some(values: impl IntoIterator<Item = f64>) -> Vec<Option<f64>> {
    values.into_iter().map(Some).collect()
}

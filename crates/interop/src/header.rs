//! The header line: which cell of a row belongs to which column of the mapping.

use crate::{mapping::Mapping, nearest::nearest, problem::ImportError};

/// Header of the last column of a bad-rows file. A column of this name is ignored when the file is sent again.
pub const REASON_HEADER: &str = "退回原因 (reason)";

/// Names of the columns of a file, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    names: Vec<Box<str>>,
    /// Cells of a row, the reason column included.
    width: usize,
    reason: Option<usize>,
}

impl Header {
    pub(crate) fn new<'a>(cells: impl Iterator<Item = &'a str>) -> Self {
        let mut names: Vec<Box<str>> = cells.map(|cell| cell.trim().into()).collect();
        let width = names.len();
        let reason = names.iter().position(|name| **name == *REASON_HEADER);
        if let Some(reason) = reason {
            names.remove(reason);
        }
        Self { names, width, reason }
    }

    /// The names, without the reason column of an earlier bad-rows file.
    pub fn names(&self) -> &[Box<str>] {
        &self.names
    }

    /// How many cells a row has.
    pub(crate) const fn width(&self) -> usize {
        self.width
    }

    /// The cells of a row without the reason.
    pub(crate) fn payload<'a, T: Copy>(&self, cells: &'a [T]) -> impl Iterator<Item = T> + use<'a, T> {
        let reason = self.reason;
        cells.iter().enumerate().filter(move |(i, _)| Some(*i) != reason).map(|(_, cell)| *cell)
    }

    /// Takes the reason of an earlier refusal off a row whose cells have moved, so that reasons do not pile up.
    pub(crate) fn without_reason(&self, mut cells: Vec<Box<str>>) -> Vec<Box<str>> {
        let is_reason = |cell: &str| {
            let number = cell.strip_prefix("Row ").and_then(|rest| rest.split_once(": "));
            number.is_some_and(|(number, _)| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
        };
        if self.reason.is_some() && cells.last().is_some_and(|cell| is_reason(cell)) {
            cells.pop();
        }
        cells
    }

    pub(crate) fn miscounted(&self, cells: usize) -> String {
        let (more, width) = (if cells > self.width { "more" } else { "fewer" }, self.width);
        format!("the row has {cells} cells, {more} than the header's {width}: cells may have moved")
    }

    /// The cell of each column of the mapping.
    pub(crate) fn positions(&self, mapping: &Mapping) -> Result<Vec<Option<usize>>, ImportError> {
        let mut missing = Vec::new();
        let mut positions = Vec::with_capacity(mapping.columns.len());
        for column in &mapping.columns {
            let mut places =
                (0..self.names.len()).filter(|&i| self.names[i] == column.name || column.also.contains(&self.names[i]));
            let place = places.next();
            if place.is_some() && places.next().is_some() {
                return Err(ImportError::DuplicateColumn { column: column.name.clone() });
            }
            if place.is_none() && !column.optional {
                let free = self.names.iter().map(|name| &**name).filter(|name| !name.is_empty());
                let free = free.filter(|name| mapping.columns.iter().all(|column| *column.name != **name));
                missing.push((column.name.clone(), nearest(&column.name, free).map(Into::into)));
            }
            let after_reason =
                |place| if self.reason.is_some_and(|reason| reason <= place) { place + 1 } else { place };
            positions.push(place.map(after_reason));
        }
        if missing.is_empty() { Ok(positions) } else { Err(ImportError::MissingColumns { missing }) }
    }
}

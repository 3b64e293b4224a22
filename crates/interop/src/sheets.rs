//! Tables as a workbook, for those who go on reckoning with them.

use rust_xlsxwriter::{Format, Workbook, XlsxError};

/// A cell.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Words. Never a formula, whatever they begin with.
    Text(String),
    /// A count or a share.
    Number(f64),
}

/// A sheet: its first row is the header.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sheet {
    /// Name on the tab; at most 31 characters.
    pub title: String,
    /// Rows, the header first.
    pub rows: Vec<Vec<Cell>>,
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<u64> for Cell {
    fn from(count: u64) -> Self {
        Self::Number(count as f64)
    }
}

/// Writes sheets as one workbook (.xlsx).
///
/// # Errors
/// When a title or a text is longer than the format allows.
pub fn workbook(sheets: &[Sheet]) -> Result<Vec<u8>, XlsxError> {
    let mut book = Workbook::new();
    let bold = Format::new().set_bold();
    for sheet in sheets {
        let page = book.add_worksheet();
        page.set_name(&sheet.title)?;
        page.set_freeze_panes(1, 0)?;
        for (row, cells) in (0..).zip(&sheet.rows) {
            for (column, cell) in (0..).zip(cells) {
                match cell {
                    Cell::Text(text) if row == 0 => page.write_string_with_format(row, column, text, &bold)?,
                    Cell::Text(text) => page.write_string(row, column, text)?,
                    Cell::Number(number) => page.write_number(row, column, *number)?,
                };
            }
        }
        page.autofit();
    }
    book.save_to_buffer()
}

#[cfg(test)]
mod tests {
    use calamine::{Data, Reader, Xlsx};

    use super::*;

    #[test]
    fn a_workbook_reads_back_as_written_and_holds_no_formula() {
        let rows = vec![vec![Cell::from("what"), "n".into()], vec!["=1+1".into(), 12_u64.into()]];
        let bytes = workbook(&[Sheet { title: "态势".into(), rows }]).unwrap();
        let mut book: Xlsx<_> = Xlsx::new(std::io::Cursor::new(bytes)).unwrap();
        let range = book.worksheet_range("态势").unwrap();
        assert_eq!(range.get((1, 0)), Some(&Data::String("=1+1".into())));
        assert_eq!(range.get((1, 1)), Some(&Data::Float(12.0)));
        assert!(book.worksheet_formula("态势").unwrap().is_empty());
    }
}

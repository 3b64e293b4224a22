//! The city as files: register, facts as lines and as tables, ledger, places, truth.

mod lines;
mod readme;
mod tables;

use std::io::{self, Write};

use rayon::prelude::*;

pub use self::lines::rfc3339;
use super::{City, Event, LedgerShare, routine::BlockRecords};

/// Where the files of a city go. The library opens none itself.
pub trait Sink {
    /// Begins a file; what was begun before is complete.
    ///
    /// # Errors
    /// Those of the file system.
    fn create(&mut self, name: &str) -> io::Result<&mut dyn Write>;
}

/// How much was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words say it")]
pub struct Written {
    pub people: u64,
    pub records: u64,
    pub facts: u64,
    pub stays: u64,
    pub truths: u64,
    pub bytes: u64,
}

/// Blocks that are worked on at once: some for each thread, few enough to keep memory small.
const BATCH: usize = 64;

impl City {
    /// Writes all files of the city, in a fixed order and with the same bytes whatever the number of threads.
    ///
    /// # Errors
    /// Those of the sink.
    pub fn write_to(&self, sink: &mut dyn Sink) -> io::Result<Written> {
        let mut written = Written { people: self.people().len() as u64, ..Written::default() };
        let (mut events, mut truths) = (Vec::new(), Vec::new());
        for records in self.batches(|block| self.records_of_block(block)) {
            let BlockRecords { events: mut own, truths: mut true_ones } = records;
            events.append(&mut own);
            truths.append(&mut true_ones);
        }
        truths.extend(self.outbreak_truths());
        events.par_sort_unstable_by_key(|event: &Event| (event.recorded_at, event.of));
        written.facts = events.len() as u64;
        written.truths = truths.len() as u64;
        written.bytes += self.write_register(sink, &mut written.records)?;
        written.bytes +=
            self.write_lines(sink, "facts.ndjson", &events, |event, out| lines::push_fact(self, event, out))?;
        written.bytes += self.write_tables(sink, &events)?;
        written.bytes += self.write_lines(sink, "truth.jsonl", &truths, |truth, out| {
            out.extend_from_slice(truth.json(self).as_bytes());
            out.push(b'\n');
        })?;
        written.bytes += self.write_places(sink)?;
        if self.options().ledger != LedgerShare::None {
            written.bytes += self.write_ledger(sink, &mut written.stays)?;
        }
        let readme = readme::text(self, &written);
        let file = sink.create("README.md")?;
        file.write_all(readme.as_bytes())?;
        file.flush()?;
        Ok(written)
    }

    /// Blocks worked through in parallel, handed over in order.
    fn batches<T: Send>(&self, work: impl Fn(u32) -> T + Sync) -> impl Iterator<Item = T> {
        let count = self.blocks().len();
        (0..count.div_ceil(BATCH)).flat_map(move |batch| {
            let range = batch * BATCH..((batch + 1) * BATCH).min(count);
            range.into_par_iter().map(|block| work(block as u32)).collect::<Vec<T>>()
        })
    }

    fn write_lines<T: Sync>(
        &self,
        sink: &mut dyn Sink,
        name: &str,
        items: &[T],
        push: impl Fn(&T, &mut Vec<u8>) + Sync,
    ) -> io::Result<u64> {
        let file = sink.create(name)?;
        let mut bytes = 0;
        for batch in items.chunks(256 * 1024) {
            let parts: Vec<Vec<u8>> = batch
                .par_chunks(16 * 1024)
                .map(|part| {
                    let mut out = Vec::with_capacity(part.len() * 256);
                    part.iter().for_each(|item| push(item, &mut out));
                    out
                })
                .collect();
            for part in parts {
                bytes += part.len() as u64;
                file.write_all(&part)?;
            }
        }
        file.flush()?;
        Ok(bytes)
    }
}

//! Counters for Prometheus, in its text format. They say nothing about people.

use std::{
    fmt::Write,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// Upper edges of the buckets of answer times, milliseconds.
const EDGES_MS: [u64; 8] = [5, 10, 25, 50, 100, 200, 500, 2_000];

/// What is counted.
#[derive(Default)]
pub(crate) struct Metrics {
    /// Answers by first digit of the status.
    by_class: [AtomicU64; 6],
    buckets: [AtomicU64; EDGES_MS.len()],
    micros: AtomicU64,
    count: AtomicU64,
    pub(crate) shed: AtomicU64,
    pub(crate) panics: AtomicU64,
}

impl Metrics {
    pub(crate) fn answered(&self, status: u16, took: Duration) {
        let class = usize::from(status / 100).min(5);
        self.by_class[class].fetch_add(1, Ordering::Relaxed);
        self.count.fetch_add(1, Ordering::Relaxed);
        self.micros.fetch_add(took.as_micros() as u64, Ordering::Relaxed);
        for (edge, bucket) in EDGES_MS.iter().zip(&self.buckets) {
            if took.as_millis() as u64 <= *edge {
                bucket.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Everything, as Prometheus reads it.
    pub(crate) fn text(&self, more: &[(&str, &str, f64)]) -> String {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let mut text = String::from("# TYPE sizao_http_answers_total counter\n");
        for class in 1..=5 {
            let _ = writeln!(text, "sizao_http_answers_total{{class=\"{class}xx\"}} {}", get(&self.by_class[class]));
        }
        text.push_str("# TYPE sizao_http_answer_seconds histogram\n");
        for (edge, bucket) in EDGES_MS.iter().zip(&self.buckets) {
            let edge = *edge as f64 / 1_000.0;
            let _ = writeln!(text, "sizao_http_answer_seconds_bucket{{le=\"{edge}\"}} {}", get(bucket));
        }
        let count = get(&self.count);
        let _ = writeln!(text, "sizao_http_answer_seconds_bucket{{le=\"+Inf\"}} {count}");
        let _ = writeln!(text, "sizao_http_answer_seconds_sum {}", get(&self.micros) as f64 / 1e6);
        let _ = writeln!(text, "sizao_http_answer_seconds_count {count}");
        let shed = [
            ("sizao_http_shed_total", "counter", get(&self.shed) as f64),
            ("sizao_http_panics_total", "counter", get(&self.panics) as f64),
        ];
        for (name, kind, value) in shed.iter().chain(more) {
            let _ = writeln!(text, "# TYPE {name} {kind}\n{name} {value}");
        }
        text
    }
}

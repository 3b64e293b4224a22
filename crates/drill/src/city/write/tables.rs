//! Tables: the register, the mass kinds of facts as desks export them, places, and the ledger of stays.

use std::io::{self, Write};

use sizao_model::fact::Outcome;

use super::{Sink, lines};
use crate::city::{
    City, Event, LedgerShare, Record,
    days::Stay,
    event::{Owner, SYMPTOMS, Time, What, push_lab, push_number},
    trips::ORIGINS,
};

const REGISTER_HEADER: &str = "code,name,document_kind,document,document2_kind,document2,phone,phone_role,phone_from,\
phone_until,phone2,phone2_role,phone2_from,phone2_until,sex,birth_on,division,household,guardian,proxy\n";
const SAMPLES_HEADER: &str = "样本编号,受检者编号,采样时间,录入时间,检测方法,检测机构,混管编号,行政区划\n";
const RESULTS_HEADER: &str = "结果编号,样本编号,混管编号,检测结果,出具时间,上报时间\n";
const ARRIVALS_HEADER: &str = "id,person,arrived_at,recorded_at,from,into,evidence,transit,leaves_at,recorder\n";
const SYMPTOMS_HEADER: &str = "id,person,reported_at,recorded_at,symptoms,temperature_c,recorder\n";

impl City {
    pub(super) fn write_register(&self, sink: &mut dyn Sink, records: &mut u64) -> io::Result<u64> {
        let parts = self.batches(|block| {
            let (mut out, mut count) = (Vec::new(), 0);
            let people = &self.blocks()[block as usize];
            for person in people.first..people.first + people.size {
                for record in [Some(self.record(person)), self.second_record(person)].into_iter().flatten() {
                    self.push_record(person, &record, &mut out);
                    count += 1;
                }
            }
            (out, count)
        });
        write_parts(sink, "people.csv", REGISTER_HEADER, parts, records)
    }

    fn push_record(&self, person: u32, record: &Record, out: &mut Vec<u8>) {
        let someone = &self.people()[person as usize];
        let mut row = vec![record.owner.code(), record.name.clone()];
        for i in 0..2 {
            let (kind, number) = record.documents.get(i).map_or(("", ""), |(kind, number)| (kind.name(), number));
            row.extend([kind.to_owned(), number.to_owned()]);
        }
        for i in 0..2 {
            match record.phones.get(i) {
                Some(phone) => {
                    let day = |day: Option<sizao_model::CivilDay>| day.map_or_else(String::new, |day| day.to_string());
                    let role = format!("{:?}", phone.role).to_lowercase();
                    row.extend([phone.number.clone(), role, day(phone.valid_from), day(phone.valid_until)]);
                }
                None => row.extend(std::iter::repeat_n(String::new(), 4)),
            }
        }
        let other = |other: Option<u32>| other.map_or_else(String::new, |other| Owner::person(other).code());
        row.extend([
            format!("{:?}", someone.sex).to_lowercase(),
            someone.birth_on.to_string(),
            self.blocks()[self.block_of(record.owner) as usize].code.to_string(),
            someone.household.to_string(),
            other(record.guardian),
            other(record.proxy),
        ]);
        out.extend_from_slice(row.join(",").as_bytes());
        out.push(b'\n');
    }

    /// Samples and results (Chinese headers), arrivals and symptom reports (English ones), in order of recording.
    pub(super) fn write_tables(&self, sink: &mut dyn Sink, events: &[Event]) -> io::Result<u64> {
        let mut bytes = 0;
        type Push = fn(&City, &Event, &mut Vec<u8>);
        let tables: [(&str, &str, Push); 4] = [
            ("samples.csv", SAMPLES_HEADER, Self::push_sample),
            ("results.csv", RESULTS_HEADER, Self::push_result),
            ("arrivals.csv", ARRIVALS_HEADER, Self::push_arrival),
            ("symptoms.csv", SYMPTOMS_HEADER, Self::push_symptoms),
        ];
        for (name, header, push) in tables {
            // The header is put before the first row by whichever part has it.
            let first = events.first().map(|event| event.of);
            bytes += self.write_lines(sink, name, events, |event, out| {
                if Some(event.of) == first {
                    out.extend_from_slice(header.as_bytes());
                }
                push(self, event, out);
            })?;
        }
        bytes += self.write_lines(sink, "other.ndjson", events, |event, out| {
            if !event.what.is_in_tables() {
                lines::push_fact(self, event, out);
            }
        })?;
        Ok(bytes)
    }

    fn push_sample(&self, event: &Event, out: &mut Vec<u8>) {
        if let What::Sample { lab, tube, .. } = &event.what {
            event.of.push(out);
            out.push(b',');
            event.of.owner.push(out);
            out.push(b',');
            push_clock(moment(event.happened), out);
            out.push(b',');
            push_clock(event.recorded_at, out);
            out.extend_from_slice(",核酸,".as_bytes());
            push_lab(*lab, out);
            out.push(b',');
            tube.iter().for_each(|tube| tube.push(out));
            push_row(out, format_args!(",{}", event.division(self)));
        }
    }

    fn push_result(&self, event: &Event, out: &mut Vec<u8>) {
        let (sample, tube, outcome) = match &event.what {
            What::Result { sample, outcome } => (Some(sample), None, outcome),
            What::TubeResult { tube, outcome } => (None, Some(tube), outcome),
            _ => return,
        };
        let outcome = match outcome {
            Outcome::Negative => "阴性",
            Outcome::Positive => "阳性",
            Outcome::GreyZone => "灰区",
            Outcome::Invalid => "无效",
        };
        event.of.push(out);
        out.push(b',');
        sample.into_iter().for_each(|sample| sample.push(out));
        out.push(b',');
        tube.into_iter().for_each(|tube| tube.push(out));
        out.push(b',');
        out.extend_from_slice(outcome.as_bytes());
        out.push(b',');
        push_clock(moment(event.happened), out);
        out.push(b',');
        push_clock(event.recorded_at, out);
        out.push(b'\n');
    }

    fn push_arrival(&self, event: &Event, out: &mut Vec<u8>) {
        if let What::Arrival { origin, into, evidence, is_transit, leaves_at } = &event.what {
            let of = event.of;
            let at = moment(event.happened);
            let (at, recorded) = (lines::rfc3339(at), lines::rfc3339(event.recorded_at));
            let leaves = leaves_at.map_or_else(String::new, lines::rfc3339);
            let (from, into) = (ORIGINS[usize::from(*origin)].code, self.area_code(*into));
            let (evidence, recorder) = (lines::evidence(*evidence), event.recorder(self));
            push_row(
                out,
                format_args!(
                    "{},{},{at},{recorded},{from},{into},{evidence},{is_transit},{leaves},{recorder}",
                    of.label(),
                    of.owner.code()
                ),
            );
        }
    }

    fn push_symptoms(&self, event: &Event, out: &mut Vec<u8>) {
        if let What::Symptoms { set, tenths } = &event.what {
            let of = event.of;
            let temperature = if *tenths > 0 { format!("{}.{}", tenths / 10, tenths % 10) } else { String::new() };
            let (at, recorded) = (lines::rfc3339(moment(event.happened)), lines::rfc3339(event.recorded_at));
            let (symptoms, recorder) = (SYMPTOMS[usize::from(*set)].join(";"), event.recorder(self));
            push_row(
                out,
                format_args!("{},{},{at},{recorded},{symptoms},{temperature},{recorder}", of.label(), of.owner.code()),
            );
        }
    }

    pub(super) fn write_places(&self, sink: &mut dyn Sink) -> io::Result<u64> {
        let file = sink.create("places.csv")?;
        let mut out = b"place,kind,name,county\n".to_vec();
        let places = self.places();
        for place in places.homes()..places.count() {
            let county = match places.group_at(place) {
                Some(group) => places.groups()[group as usize].county,
                None => places.county_of_venue(place),
            };
            let (kind, county) = (places.kind(place), &self.counties()[county as usize]);
            let (word, name) = (format!("{kind:?}").to_lowercase(), kind.name_zh());
            push_row(&mut out, format_args!("{place},{word},{}{name}{place}号,{}", county.name, county.code));
        }
        file.write_all(&out)?;
        file.flush()?;
        Ok(out.len() as u64)
    }

    /// Stays by person and time, those that touch at midnight made one; some who scan in never scan out.
    pub(super) fn write_ledger(&self, sink: &mut dyn Sink, rows: &mut u64) -> io::Result<u64> {
        let parts = self.batches(|block| {
            let (mut out, mut count) = (Vec::new(), 0);
            let people = &self.blocks()[block as usize];
            for person in people.first..people.first + people.size {
                self.ledger_of(person, |stay, is_open| {
                    push_stay(person, stay, is_open, &mut out);
                    count += 1;
                });
            }
            (out, count)
        });
        write_parts(sink, "ledger.csv", "person_id,place_id,enter_ts,leave_ts\n", parts, rows)
    }

    /// What the ledger has of a person: stay, and whether its end is missing.
    pub fn ledger_of(&self, person: u32, mut row: impl FnMut(Stay, bool)) {
        if let Some(scan) = self.outbreak().remote_scan(person) {
            row(scan, true);
        }
        let venues_only = self.options().ledger == LedgerShare::Venues;
        self.stays_of(person, |stay| {
            let is_venue = stay.place >= self.places().first_venue();
            match (is_venue, self.scan(person, &stay)) {
                (true, None) => {}
                (true, Some(scans_out)) => row(stay, !scans_out),
                (false, _) if venues_only => {}
                (false, _) => row(stay, false),
            }
        });
    }
}

fn write_parts(
    sink: &mut dyn Sink,
    name: &str,
    header: &str,
    parts: impl Iterator<Item = (Vec<u8>, u64)>,
    rows: &mut u64,
) -> io::Result<u64> {
    let file = sink.create(name)?;
    file.write_all(header.as_bytes())?;
    let mut bytes = header.len() as u64;
    for (part, count) in parts {
        file.write_all(&part)?;
        bytes += part.len() as u64;
        *rows += count;
    }
    file.flush()?;
    Ok(bytes)
}

fn push_row(out: &mut Vec<u8>, row: std::fmt::Arguments<'_>) {
    out.write_fmt(row).expect("memory takes everything");
    out.push(b'\n');
}

fn push_stay(person: u32, stay: Stay, is_open: bool, out: &mut Vec<u8>) {
    for (number, end) in [(person, b','), (stay.place, b','), (stay.enter, b',')] {
        push_number(number, 1, out);
        out.push(end);
    }
    if !is_open {
        push_number(stay.leave, 1, out);
    }
    out.push(b'\n');
}

fn moment(time: Time) -> u32 {
    match time {
        Time::At(at) | Time::During(at, _) => at,
        Time::On(day) | Time::Days(day, _) => crate::city::midnight(day),
    }
}

/// `2022-03-04 08:15:00`, as Chinese laboratory exports write it.
fn push_clock(at: u32, out: &mut Vec<u8>) {
    let start = out.len();
    lines::push_time(at, out);
    out[start + 10] = b' ';
    out.truncate(start + 19);
}

impl What {
    /// Whether the kind has a table of its own.
    pub const fn is_in_tables(&self) -> bool {
        matches!(
            self,
            Self::Sample { .. }
                | Self::Result { .. }
                | Self::TubeResult { .. }
                | Self::Arrival { .. }
                | Self::Symptoms { .. }
        )
    }
}

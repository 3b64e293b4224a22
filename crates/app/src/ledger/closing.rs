//! Days that are over: closed into segments, dropped after their term, exported without identities.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
    sync::RwLock,
};

use sizao_model::{CivilDay, Instant};
use sizao_presence::{Ledger, PersonNo, PlaceNo, STAY_MAX_S, Stay, merge_stays};
use sizao_store::{Closing, PresenceKey, PresenceRow, SegmentRecord};
use sizao_warehouse::{ExportRules, Exported, SegmentKey, SegmentStay, write_export, write_segment};

use super::{Live, OPEN_CAP_S, TERM_DAYS, day_of, seconds};
use crate::{
    App, AppError,
    access::Reason,
    authorization::{Action, Purpose},
    identity::Actor,
};

/// A day, or what came late of one, that was closed.
pub type ClosedDay = SegmentRecord;

/// A day that was dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DroppedDay {
    /// Which.
    pub day: CivilDay,
    /// The certificate, unless the key had gone before.
    pub certificate: Option<u64>,
    /// Files that were removed.
    pub files: usize,
}

/// An export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportedStays {
    /// Stays in it.
    pub rows: u64,
    /// Stays left out, since too few people were at their place.
    pub left_out: u64,
    /// Length of the file.
    pub bytes: u64,
    /// SHA-256, hexadecimal.
    pub sha256: String,
}

/// Rows of a part of a day on their way into a segment.
#[derive(Default)]
struct Part {
    stays: Vec<Stay>,
    rows: Vec<PresenceRow>,
    left_out: u64,
}

impl App {
    /// Closes every day that ended by `until`, the start of a day: its stays leave the live day for a sealed segment, whose
    /// digest is in the log. What came late makes another part. Interrupted anywhere, it can be repeated.
    ///
    /// # Errors
    /// [`AppError`], a full disk among them; then everything is where it was.
    pub async fn close_days(&self, until: CivilDay) -> Result<Vec<ClosedDay>, AppError> {
        let _alone = self.ledger.closing.lock().await;
        let Some(lease) = self.store().lease_list("ledger closing").await? else { return Ok(Vec::new()) };
        let live = self.live().await?;
        let until_s = seconds(until.start());
        let rows = self.store().load_presence().await?;
        let parts = tokio::task::spawn_blocking(move || parts_of(rows, until_s)).await;
        let parts = parts.map_err(|_| AppError::Stopped("the days could not be put together"))?;
        if parts.is_empty() {
            lease.release().await?;
            return Ok(Vec::new());
        }
        let known = self.store().list_segments().await?;
        let folder = self.segments_folder();
        make_folder(&folder)?;
        let mut closed = Vec::new();
        for (day, part) in parts {
            let number = known.iter().filter(|segment| segment.day == day).map(|segment| segment.part).max();
            closed.push(self.close_part(day, number.unwrap_or(0) + 1, part, &folder).await?);
        }
        // In memory the days are closed as well; answers do not change.
        live.write().expect("no thread panics with it").close(until_s)?;
        lease.release().await?;
        Ok(closed)
    }

    async fn close_part(&self, day: CivilDay, number: u32, part: Part, folder: &Path) -> Result<ClosedDay, AppError> {
        let Part { mut stays, rows, left_out } = part;
        let key = SegmentKey::new(self.store().segment_secret(day).await?);
        let file = format!("{day}-{number}.segment");
        let path = folder.join(&file);
        let written = tokio::task::spawn_blocking(move || {
            merge_stays(&mut stays);
            let stays = stays.iter().map(|stay| SegmentStay {
                person: stay.person.0,
                place: stay.place.0,
                enter_s: stay.enter_s,
                leave_s: stay.leave_s,
            });
            write_segment(&path, stays, &key)
        });
        let written = written.await.map_err(|_| AppError::Stopped("the segment could not be written"))??;
        let segment = SegmentRecord {
            day,
            part: number,
            file,
            digest: written.sha256,
            leaf: 0,
            rows: written.rows,
            bytes: written.bytes,
        };
        Ok(self.store().take_segment(Closing { segment, rows: &rows, left_out }, self.now()).await?)
    }

    /// Closes what is over, and drops what is past its term; for the round of jobs.
    ///
    /// # Errors
    /// [`AppError`].
    pub async fn follow_ledger(&self) -> Result<(usize, usize), AppError> {
        let today = self.now().day();
        let closed = self.close_days(today).await?.len();
        let dropped = self.drop_days(today.plus_days(-TERM_DAYS), "end of the ledger's term").await?.len();
        self.remove_strays().await?;
        Ok((closed, dropped))
    }

    /// Drops every day before this one: from the store, the segments, the index; each under a certificate in the log.
    ///
    /// # Errors
    /// [`AppError`]. Repeating it ends what was begun.
    pub async fn drop_days(&self, before: CivilDay, basis: &str) -> Result<Vec<DroppedDay>, AppError> {
        let _alone = self.ledger.closing.lock().await;
        let days: Vec<CivilDay> = self.store().presence_days().await?.into_iter().filter(|day| *day < before).collect();
        let mut dropped = Vec::with_capacity(days.len());
        for day in days {
            let (certificate, files) = self.store().drop_presence_day(day, basis, self.now()).await?;
            for file in &files {
                remove(&self.segments_folder().join(file))?;
            }
            dropped.push(DroppedDay { day, certificate: certificate.map(|one| one.number), files: files.len() });
        }
        if !dropped.is_empty() {
            self.rebuild_ledger().await?;
        }
        Ok(dropped)
    }

    /// Files that no manifest names: of a closing or a dropping that was interrupted.
    async fn remove_strays(&self) -> Result<(), AppError> {
        let _alone = self.ledger.closing.lock().await;
        // Another process may have written one that it has not named yet.
        let Some(lease) = self.store().lease_list("ledger closing").await? else { return Ok(()) };
        let named = self.store().list_segments().await?;
        let Ok(entries) = std::fs::read_dir(self.segments_folder()) else { return Ok(()) };
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_ours = name.ends_with(".segment") || name.ends_with(".segment.part");
            if is_ours && named.iter().all(|segment| segment.file != name) {
                remove(&entry.path())?;
            }
        }
        Ok(lease.release().await?)
    }

    /// Builds the index anew from what is there; rows that come meanwhile wait for a moment at the end.
    async fn rebuild_ledger(&self) -> Result<(), AppError> {
        let closed = self.read_segments().await?;
        let built = tokio::task::spawn_blocking(move || Ledger::from_segments(closed, OPEN_CAP_S, STAY_MAX_S)).await;
        let ledger = built.map_err(|_| AppError::Stopped("the index of the ledger could not be built"))??;
        let live: &RwLock<Live> = self.live().await?;
        let kept = {
            let _gate = self.ledger.desk.gate.lock().await;
            let mut fresh = Live::new(ledger);
            self.add_live(&mut fresh).await?;
            let kept = fresh.people(seconds(self.now()))?;
            *live.write().expect("no thread panics with it") = fresh;
            self.ledger.known.lock().expect("no thread panics with it").clear();
            self.store().forget_ledger_numbers(&kept).await?;
            kept.len()
        };
        tracing::info!(people = kept, "The index of the ledger was built anew: {kept} people have stays");
        Ok(())
    }

    /// Writes stays of some days without identities: new numbers drawn for this file, coarse times, places where few people were
    /// left out. Recorded before it is written.
    ///
    /// # Errors
    /// [`AppError`]; nothing half-written is left.
    pub async fn export_stays(
        &self,
        actor: Option<&Actor>,
        days: std::ops::RangeInclusive<CivilDay>,
        purpose: &str,
        path: &Path,
        wall: Instant,
    ) -> Result<ExportedStays, AppError> {
        let reason = Reason::parse(purpose)?;
        let told = format!("ledger {} to {} without identities: {}", days.start(), days.end(), reason.text());
        match actor {
            Some(actor) => {
                self.log_deed(actor, Action::ViewOperation, Purpose::Operation, None, Reason::of(&told), wall).await?;
            }
            None => self.log_own_deed("export-stays", &told, wall).await?,
        }
        let (view, _) = self.ledger_view(self.now()).await?;
        let path = path.to_owned();
        let written = tokio::task::spawn_blocking(move || -> Result<Exported, AppError> {
            let stays: Vec<SegmentStay> = view
                .stays()
                .into_iter()
                .filter(|stay| days.contains(&day_of(stay.leave_s)))
                .map(|stay| SegmentStay {
                    person: stay.person.0,
                    place: stay.place.0,
                    enter_s: stay.enter_s,
                    leave_s: stay.leave_s,
                })
                .collect();
            Ok(write_export(&path, &stays, &ExportRules::default())?)
        });
        let Exported { written, left_out } =
            written.await.map_err(|_| AppError::Stopped("the export could not be written"))??;
        let sha256 = sizao_store::hex(&written.sha256);
        Ok(ExportedStays { rows: written.rows, left_out, bytes: written.bytes, sha256 })
    }
}

impl Live {
    fn close(&mut self, until_s: u32) -> Result<(), AppError> {
        drop(self.ledger.close_day(until_s)?);
        let ended = |coming: &(u32, u32, u32), left: Option<&u32>, closed: bool| {
            let end_s = if closed { left.copied() } else { Some(coming.2.saturating_add(OPEN_CAP_S)) };
            end_s.is_some_and(|end_s| end_s <= until_s)
        };
        let (left, closed) = (&self.left, &self.closed);
        self.open.retain(|key, coming| !ended(coming, left.get(key), closed.contains(coming)));
        let open = &self.open;
        self.left.retain(|key, _| open.contains_key(key));
        self.closed.retain(|coming| coming.2.saturating_add(2 * OPEN_CAP_S) > until_s);
        self.set_aside = 0;
        Ok(())
    }

    /// Numbers of everybody with a stay, ascending.
    fn people(&self, now_s: u32) -> Result<Vec<u32>, AppError> {
        let mut people: Vec<u32> = self.ledger.view(now_s)?.stays().iter().map(|stay| stay.person.0).collect();
        people.dedup();
        Ok(people)
    }
}

/// The stays that ended by `until_s`, by the day in which they did, with the rows that tell of them.
fn parts_of(rows: Vec<PresenceRow>, until_s: u32) -> BTreeMap<CivilDay, Part> {
    let (leavings, comings): (Vec<PresenceRow>, Vec<PresenceRow>) =
        rows.into_iter().partition(|row| row.entry.of.is_some());
    let mut left: HashMap<PresenceKey, Vec<PresenceRow>> = HashMap::new();
    for row in leavings {
        left.entry(row.entry.of.expect("it was asked")).or_default().push(row);
    }
    // Comings of one second at one place are one; whichever leaving is known ends it.
    let mut groups: BTreeMap<(u32, u32, u32), Vec<PresenceRow>> = BTreeMap::new();
    let mut parts: BTreeMap<CivilDay, Part> = BTreeMap::new();
    for row in comings {
        let entry = &row.entry;
        let ends_s = entry.leave_s.unwrap_or(entry.enter_s);
        match entry.leave_s {
            _ if entry.flags != 0 => {
                if ends_s <= until_s {
                    set_aside(&mut parts, row, ends_s, until_s);
                }
            }
            Some(leave_s) if leave_s <= until_s => {
                let part = parts.entry(last_day(leave_s, until_s)).or_default();
                part.stays.push(stay(&row, leave_s));
                part.rows.push(row);
            }
            Some(_) => {}
            None => groups.entry((entry.person, entry.place, entry.enter_s)).or_default().push(row),
        }
    }
    for ((.., enter_s), comings) in groups {
        let leavings: Vec<PresenceRow> = comings.iter().filter_map(|row| left.remove(&row.key)).flatten().collect();
        let known = leavings.iter().filter_map(|row| row.entry.leave_s).filter(|leave_s| *leave_s >= enter_s).max();
        let leave_s = known.unwrap_or(enter_s.saturating_add(OPEN_CAP_S));
        if leave_s > until_s {
            continue;
        }
        let part = parts.entry(last_day(leave_s, until_s)).or_default();
        part.stays.push(stay(&comings[0], leave_s));
        part.rows.extend(comings.into_iter().chain(leavings));
    }
    // A leaving of nothing waits for its coming for two days.
    for row in left.into_values().flatten() {
        let leave_s = row.entry.leave_s.unwrap_or(row.entry.enter_s);
        if leave_s.saturating_add(2 * 86_400) <= until_s {
            set_aside(&mut parts, row, leave_s, until_s);
        }
    }
    parts
}

fn set_aside(parts: &mut BTreeMap<CivilDay, Part>, row: PresenceRow, ends_s: u32, until_s: u32) {
    let part = parts.entry(last_day(ends_s, until_s)).or_default();
    part.left_out += 1;
    part.rows.push(row);
}

/// The day in which a stay ended; one that ended at midnight belongs to the day that ended then.
fn last_day(leave_s: u32, until_s: u32) -> CivilDay {
    let day = day_of(leave_s);
    if seconds(day.start()) == until_s { day.plus_days(-1) } else { day }
}

fn stay(row: &PresenceRow, leave_s: u32) -> Stay {
    let entry = &row.entry;
    Stay { person: PersonNo(entry.person), place: PlaceNo(entry.place), enter_s: entry.enter_s, leave_s }
}

fn make_folder(folder: &Path) -> Result<(), AppError> {
    let failed =
        |cause| AppError::from(sizao_warehouse::WarehouseError::File { path: folder.to_owned(), doing: "made", cause });
    if folder.is_dir() {
        return Ok(());
    }
    std::fs::create_dir_all(folder).map_err(failed)?;
    // Its own name has to be on the disk before a manifest names a file in it.
    let above = folder.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::File::open(above).and_then(|above| above.sync_all()).map_err(failed)
}

fn remove(path: &Path) -> Result<(), AppError> {
    match std::fs::remove_file(path) {
        Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => {
            Err(sizao_warehouse::WarehouseError::File { path: path.to_owned(), doing: "removed", cause }.into())
        }
        _ => Ok(()),
    }
}

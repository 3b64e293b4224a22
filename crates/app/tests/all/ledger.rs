//! The ledger of stays in a store: durable, closed by day, dropped by day, the same from memory and from the disk.

use std::{collections::BTreeSet, fs, path::Path};

use sizao_app::{
    App, AppError,
    ledger::{Known, OPEN_CAP_S, StayEntry, StayList, StayReceipt, TERM_DAYS, Who},
};
use sizao_model::{CivilDay, DivisionCode, FactBody, Instant, PersonId, fact::RetentionClass};
use sizao_presence::{Cell, PersonNo, PlaceNo, Stay, merge_stays};
use sizao_store::{ExportOptions, Place, StoreError};

use crate::node::{Node, moment};
use crate::support::*;

const START: &str = "2022-03-10T00:00:00+08:00";

fn seconds(text: &str) -> u32 {
    (moment(text).as_micros() / 1_000_000) as u32
}

/// A small generator: the same numbers in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as u32) % n
    }
}

async fn node(place: &TestPlace, now: &str, folder: &Path) -> Node {
    let node = Node::new(place, &["cn-covid-v8"], now).await;
    node.app.keep_segments_in(folder.join("segments"));
    node
}

fn entry(key: &str, person: &str, place: u32, enter_s: u32, leave_s: Option<u32>) -> StayEntry {
    let who = Who::Person(PersonId::from_label(person));
    let known = Known::Scan;
    StayEntry { key: key.into(), who, place, enter_s, leave_s, of: None, known, flags: 0, seat: None }
}

fn leaving(key: &str, of: &str, person: &str, place: u32, at_s: u32) -> StayEntry {
    StayEntry { of: Some(of.into()), ..entry(key, person, place, at_s, Some(at_s)) }
}

async fn put(app: &std::sync::Arc<App>, entries: Vec<StayEntry>) -> Vec<StayReceipt> {
    app.take_stays("test", entries).await.unwrap()
}

async fn venues(app: &App, count: u32) -> Vec<u32> {
    let division = DivisionCode::parse("410105").unwrap();
    let places: Vec<_> =
        (0..count).map(|n| (format!("p{n}"), division, "venue".to_owned(), format!("场所{n}"), None)).collect();
    app.add_places(&places).await.unwrap()
}

/// Person, place, entering and leaving, as plain values.
type PlainStay = (String, u32, u32, Option<u32>);

/// Four days of comings and goings in any order: over midnight, without an end, left before they came in.
fn days(places: &[u32], seed: u64, day_count: u32) -> (Vec<StayEntry>, Vec<PlainStay>) {
    let mut dice = Dice(seed);
    let (mut entries, mut truth) = (Vec::new(), Vec::new());
    for n in 0..600 {
        let person = format!("person {}", dice.below(60));
        let place = places[dice.below(places.len() as u32) as usize];
        let enter_s = seconds(START) + dice.below(day_count * 86_400 - 20_000);
        let length = dice.below(18_000);
        match dice.below(4) {
            0 => {
                entries.push(entry(&format!("k{n}"), &person, place, enter_s, None));
                truth.push((person, place, enter_s, None));
            }
            1 => {
                entries.push(entry(&format!("k{n}"), &person, place, enter_s, None));
                entries.push(leaving(&format!("l{n}"), &format!("k{n}"), &person, place, enter_s + length));
                truth.push((person, place, enter_s, Some(enter_s + length)));
            }
            _ => {
                entries.push(entry(&format!("k{n}"), &person, place, enter_s, Some(enter_s + length)));
                truth.push((person, place, enter_s, Some(enter_s + length)));
            }
        }
    }
    for at in (1..entries.len()).rev() {
        entries.swap(at, dice.below(at as u32 + 1) as usize);
    }
    (entries, truth)
}

/// What the ledger has to say, by the obvious way: numbers of people are asked of the store.
async fn obvious(app: &App, truth: &[(String, u32, u32, Option<u32>)], now: Instant) -> Vec<Stay> {
    let people: Vec<PersonId> = truth.iter().map(|(person, ..)| PersonId::from_label(person)).collect();
    let numbers = app.store().ledger_numbers(&people).await.unwrap();
    let now_s = (now.as_micros() / 1_000_000) as u32;
    let mut stays: Vec<Stay> = truth
        .iter()
        .zip(&people)
        .map(|((_, place, enter_s, leave_s), person)| Stay {
            person: PersonNo(numbers[person]),
            place: PlaceNo(*place),
            enter_s: *enter_s,
            leave_s: leave_s.unwrap_or((enter_s + OPEN_CAP_S).min(now_s).max(*enter_s)),
        })
        .collect();
    merge_stays(&mut stays);
    stays
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_in_memory_is_the_one_on_the_disk_before_and_after_days_are_closed() {
    for place in places().await {
        for seed in 1..4 {
            let folder = tempfile::tempdir().unwrap();
            let place = if seed == 1 { &place } else { &sqlite() };
            let node = node(place, "2022-03-14T10:00:00+08:00", folder.path()).await;
            let venues = venues(&node.app, 12).await;
            let (entries, truth) = days(&venues, seed, 4);
            for chunk in entries.chunks(37) {
                assert!(put(&node.app, chunk.to_vec()).await.iter().all(|one| matches!(one, StayReceipt::Stored(_))));
            }
            let want = obvious(&node.app, &truth, node.now()).await;
            assert_eq!(node.app.ledger_stays(node.now()).await.unwrap(), want);
            assert_eq!(node.app.ledger_stays_from_scratch(node.now()).await.unwrap(), want);
            for until in ["2022-03-11", "2022-03-13", "2022-03-14"] {
                let closed = node.app.close_days(CivilDay::parse(until).unwrap()).await.unwrap();
                assert!(!closed.is_empty());
                assert_eq!(node.app.ledger_stays(node.now()).await.unwrap(), want, "closing changes no answer");
                assert_eq!(node.app.ledger_stays_from_scratch(node.now()).await.unwrap(), want, "nor a restart");
            }
            // Everything again: known all of it, though its days are closed.
            for chunk in entries.chunks(100) {
                assert!(put(&node.app, chunk.to_vec()).await.iter().all(|one| *one == StayReceipt::Repeat));
            }
            // Somebody's device was without a network for three days: another part of a day that is closed.
            let late = seconds("2022-03-11T09:00:00+08:00");
            put(&node.app, vec![entry("late", "person 1", venues[0], late, Some(late + 600))]).await;
            let closed = node.app.close_days(CivilDay::parse("2022-03-14").unwrap()).await.unwrap();
            assert_eq!((closed.len(), closed[0].part, closed[0].rows), (1, 2, 1));
            let now = node.app.ledger_stays(node.now()).await.unwrap();
            assert_eq!(node.app.ledger_stays_from_scratch(node.now()).await.unwrap(), now);
            assert!(node.app.store().verify(|_| {}).await.unwrap().findings.is_empty());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_one_stay_and_another_content_under_it_is_refused() {
    for place in places().await {
        let folder = tempfile::tempdir().unwrap();
        let node = node(&place, "2022-03-14T10:00:00+08:00", folder.path()).await;
        let venue = venues(&node.app, 2).await;
        let at = seconds("2022-03-14T08:00:00+08:00");
        let first = entry("k", "a", venue[0], at, None);
        assert_eq!(put(&node.app, vec![first.clone(), first.clone()]).await[1], StayReceipt::Repeat);
        let other = put(&node.app, vec![entry("k", "a", venue[1], at, None)]).await;
        let StayReceipt::Refused(refusal) = &other[0] else { panic!("{other:?}") };
        assert!(refusal.told().contains("used before"));
        assert_eq!(node.app.ledger_stays(node.now()).await.unwrap().len(), 1);
        // What cannot be is refused one by one, with the rule.
        let now = seconds("2022-03-14T10:00:00+08:00");
        for (entry, rule) in [
            (entry("b1", "a", venue[0], at, Some(at - 1)), "leave-before-enter"),
            (entry("b2", "a", venue[0], now - 20 * 86_400, Some(now + 20 * 86_400)), "stay-long"),
            (entry("b3", "a", venue[0], now + 301, None), "ahead"),
            (entry("b4", "a", venue[0], now - (TERM_DAYS as u32 + 1) * 86_400, None), "past-term"),
            (entry("", "a", venue[0], at, None), "key-unfit"),
        ] {
            let [StayReceipt::Refused(refusal)] = &put(&node.app, vec![entry]).await[..] else { panic!("{rule}") };
            assert_eq!(refusal.0, rule);
        }
    }
}

/// Every file below a folder that holds these bytes.
fn files_with(folder: &Path, needle: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_with(&path, needle));
        } else if memchr::memmem::find(&fs::read(&path).unwrap(), needle).is_some() {
            found.push(path.display().to_string());
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_day_is_in_no_database_segment_index_log_or_later_backup() {
    for place in places().await {
        let folder = tempfile::tempdir().unwrap();
        let node = node(&place, "2022-03-14T10:00:00+08:00", folder.path()).await;
        let venue = venues(&node.app, 3).await;
        let (gone, kept) = (seconds("2022-03-11T09:00:00+08:00"), seconds("2022-03-12T09:00:00+08:00"));
        put(
            &node.app,
            vec![
                entry("g1", "only then", venue[0], gone, Some(gone + 900)),
                entry("g2", "both days", venue[0], gone, None),
                entry("k1", "both days", venue[1], kept, Some(kept + 900)),
            ],
        )
        .await;
        let only_then = PersonId::from_label("only then");
        let rows = node.app.store().load_presence().await.unwrap();
        let keys: Vec<Vec<u8>> = rows
            .iter()
            .filter(|row| row.day == CivilDay::parse("2022-03-11").unwrap())
            .map(|row| row.key.to_vec())
            .collect();
        assert_eq!(keys.len(), 2);
        node.app.close_days(CivilDay::parse("2022-03-13").unwrap()).await.unwrap();
        let segments = node.app.store().list_segments().await.unwrap();
        let segment = fs::read(node.app.segments_folder().join(&segments[0].file)).unwrap();
        let dropped = node.app.drop_days(CivilDay::parse("2022-03-12").unwrap(), "end of term").await.unwrap();
        assert_eq!((dropped.len(), dropped[0].files, dropped[0].certificate), (1, 1, Some(1)));

        // Index: the other day alone, in memory and from the disk.
        let stays = node.app.ledger_stays(node.now()).await.unwrap();
        assert_eq!(stays.iter().map(|stay| stay.enter_s).collect::<Vec<_>>(), [kept]);
        assert_eq!(node.app.ledger_stays_from_scratch(node.now()).await.unwrap(), stays);
        // Log: the certificate, and a digest that nobody can open.
        let facts = node.app.store().load_leaves(0, u64::MAX >> 1).await.unwrap();
        assert!(facts.iter().any(|stored| matches!(&stored.fact.body,
            FactBody::Erasure(erasure) if erasure.class == RetentionClass::Presence && erasure.certificate == 1)));
        assert!(node.app.store().verify(|_| {}).await.unwrap().findings.is_empty());
        // The number of who was there only then went; the key of the day is gone for good.
        assert_eq!(node.app.store().ledger_number(only_then).await.unwrap(), None);
        let day = CivilDay::parse("2022-03-11").unwrap();
        assert!(matches!(node.app.store().segment_secret(day).await, Err(StoreError::Erasure(_))));
        let again = put(&node.app, vec![entry("g3", "later", venue[0], kept - 600, None)]).await;
        assert!(matches!(again[0], StayReceipt::Stored(_)), "other days go on");
        // Backup and files: neither rows nor segment.
        let mut backup = Vec::new();
        node.app.store().export(ExportOptions { complete: true }, &mut backup).await.unwrap();
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        for key in &keys {
            assert!(memchr::memmem::find(&backup, hex(key).as_bytes()).is_none(), "a key in the backup");
        }
        assert!(memchr::memmem::find(&backup, only_then.to_string().as_bytes()).is_none(), "a person in the backup");
        assert!(files_with(folder.path(), &segment[64..96]).is_empty(), "the segment is on the disk");
        if let Place::Sqlite(file) = node.app.store().place() {
            let file = file.parent().unwrap();
            for key in &keys {
                assert_eq!(files_with(file, key), [""; 0], "a row in database or write-ahead log");
            }
            assert_eq!(files_with(file, only_then.as_bytes()), [""; 0], "the person's number in the database");
        }
        // Stopped between key and rows, it is ended by the next round.
        let (certificate, files) = node.app.store().drop_presence_day(day, "again", node.now()).await.unwrap();
        assert_eq!((certificate, files.len()), (None, 0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_altered_or_exchanged_segment_is_refused_by_name_and_a_stray_one_is_nothing() {
    for place in places().await {
        let folder = tempfile::tempdir().unwrap();
        let node = node(&place, "2022-03-14T10:00:00+08:00", folder.path()).await;
        let venue = venues(&node.app, 1).await;
        for day in 10..13 {
            let at = seconds(&format!("2022-03-{day}T09:00:00+08:00"));
            put(&node.app, vec![entry(&format!("k{day}"), "a", venue[0], at, Some(at + day * 60))]).await;
        }
        node.app.close_days(CivilDay::parse("2022-03-14").unwrap()).await.unwrap();
        let segments: Vec<_> = node.app.store().list_segments().await.unwrap();
        let path = |n: usize| node.app.segments_folder().join(&segments[n].file);
        let whole = fs::read(path(0)).unwrap();
        for (bytes, what) in [
            (whole[..whole.len() - 1].to_vec(), "not the file"),
            (fs::read(path(1)).unwrap(), "not the file"),
            ([&whole[..], b"x"].concat(), "not the file"),
        ] {
            fs::write(path(0), bytes).unwrap();
            let refused = node.app.ledger_stays_from_scratch(node.now()).await.unwrap_err();
            assert!(refused.to_string().contains(what), "{refused}");
        }
        fs::write(path(0), &whole).unwrap();
        // Whoever changes file and manifest together is caught by the log.
        if let Place::Sqlite(file) = node.app.store().place() {
            let pool = sqlx::SqlitePool::connect(&format!("sqlite://{}", file.display())).await.unwrap();
            sqlx::query("UPDATE manifest SET digest = (SELECT digest FROM manifest WHERE day = $1) WHERE day = $2")
                .bind(i64::from(segments[1].day.number()))
                .bind(i64::from(segments[0].day.number()))
                .execute(&pool)
                .await
                .unwrap();
            pool.close().await;
            let refused = node.app.ledger_stays_from_scratch(node.now()).await;
            assert!(matches!(refused, Err(AppError::OtherSegment { .. })), "{refused:?}");
            continue;
        }
        fs::write(node.app.segments_folder().join("2022-03-09-1.segment.part"), b"half").unwrap();
        node.app.follow_ledger().await.unwrap();
        assert_eq!(fs::read_dir(node.app.segments_folder()).unwrap().count(), 3);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_that_cannot_be_written_stays_where_it_was_and_is_closed_later() {
    let place = sqlite();
    let folder = tempfile::tempdir().unwrap();
    let node = node(&place, "2022-03-14T10:00:00+08:00", folder.path()).await;
    let venue = venues(&node.app, 1).await;
    let at = seconds("2022-03-12T09:00:00+08:00");
    put(&node.app, vec![entry("k", "a", venue[0], at, Some(at + 600))]).await;
    let before = node.app.ledger_stays(node.now()).await.unwrap();
    // A file stands where the folder should be, as a full disk lets nothing be made.
    fs::write(folder.path().join("segments"), b"").unwrap();
    let until = CivilDay::parse("2022-03-14").unwrap();
    let refused = node.app.close_days(until).await.unwrap_err();
    assert!(refused.to_string().contains("segments"), "{refused}");
    assert_eq!(node.app.store().load_presence().await.unwrap().len(), 1, "the row is where it was");
    assert_eq!(node.app.ledger_stays_from_scratch(node.now()).await.unwrap(), before);
    fs::remove_file(folder.path().join("segments")).unwrap();
    assert_eq!(node.app.close_days(until).await.unwrap().len(), 1);
    assert_eq!(node.app.ledger_stays_from_scratch(node.now()).await.unwrap(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_counts_and_names_its_bad_rows_and_the_good_ones_go_in() {
    for place in places().await {
        let folder = tempfile::tempdir().unwrap();
        let node = node(&place, "2022-03-14T10:00:00+08:00", folder.path()).await;
        let at = i128::from(seconds("2022-03-13T09:00:00+08:00"));
        let mut list = StayList::new("sender", DivisionCode::parse("410105").unwrap());
        let number = Cell::Number;
        let rows: Vec<Option<[Cell<'_>; 4]>> = vec![
            Some([number(1), number(1), number(at), number(at + 600)]),
            Some([number(i128::from(u32::MAX)), number(1), number(at), number(at + 600)]),
            Some([Cell::Text("工号-7"), Cell::Text("一楼"), number(at), Cell::Empty]),
            Some([number(1), number(1), number(at), number(at + 600)]),
            Some([number(1), number(1), number(at + 600), number(at)]),
            Some([number(1), number(1), number(at), number(at + 400 * 86_400)]),
            Some([number(1), number(1), Cell::Text("noon"), number(at)]),
            Some([Cell::Empty, number(1), number(at), number(at)]),
            None,
        ];
        for (row, cells) in (2..).zip(rows) {
            list.push(row, cells);
        }
        let report = node.app.finish_list(list).await.unwrap();
        assert_eq!((report.rows, report.stored, report.repeated), (9, 3, 1));
        let refused: Vec<_> = report.refused.iter().map(|(rule, count)| (*rule, *count)).collect();
        assert_eq!(refused, [("leave-before-enter", 1), ("stay-long", 1), ("unreadable", 3)]);
        assert_eq!(report.examples.iter().map(|(row, _)| *row).collect::<Vec<_>>(), [6, 7, 8, 9, 10]);
        // Places that nobody entered are refused where that is asked for.
        let mut list = StayList::new("sender", DivisionCode::parse("410105").unwrap()).refuse_unknown_places();
        list.push(2, Some([number(1), number(99), number(at), number(at + 60)]));
        list.push(3, Some([number(2), number(1), number(at), number(at + 60)]));
        let report = node.app.finish_list(list).await.unwrap();
        assert_eq!((report.stored, report.refused.get("place-unknown")), (1, Some(&1)));
        // A card that six hundred people carry is named.
        let mut list = StayList::new("gate", DivisionCode::parse("410105").unwrap());
        for row in 0..600 {
            list.push(2, Some([number(5), number(row), number(at + row), number(at + row)]));
        }
        assert_eq!(node.app.finish_list(list).await.unwrap().busy_people, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stays_of_many_at_once_are_all_there_and_change_nobodys_status() {
    for place in places().await {
        let folder = tempfile::tempdir().unwrap();
        let node = node(&place, "2022-03-14T10:00:00+08:00", folder.path()).await;
        let venue = venues(&node.app, 5).await;
        let size = node.app.store().size().await.unwrap();
        let digest = node.app.store().projection_digest().await.unwrap();
        let at = seconds("2022-03-14T08:00:00+08:00");
        let mut tasks = tokio::task::JoinSet::new();
        for sender in 0..64_u32 {
            let (app, venue) = (node.app.clone(), venue.clone());
            tasks.spawn(async move {
                for n in 0..10 {
                    let key = format!("{sender}-{n}");
                    let person = format!("p{}", (sender * 7 + n) % 50);
                    let one = entry(&key, &person, venue[(n % 5) as usize], at + sender * 60 + n, None);
                    let receipts = app.take_stays("test", vec![one]).await.unwrap();
                    assert_eq!(receipts, [StayReceipt::Stored(Vec::new())]);
                }
            });
        }
        tasks.join_all().await;
        let rows = node.app.store().load_presence().await.unwrap();
        assert_eq!(rows.iter().map(|row| row.key).collect::<BTreeSet<_>>().len(), 640);
        let stays = node.app.ledger_stays(node.now()).await.unwrap();
        assert_eq!(node.app.ledger_stays_from_scratch(node.now()).await.unwrap(), stays);
        node.app.catch_up(|_| {}).await.unwrap();
        assert_eq!(node.app.store().size().await.unwrap(), size, "no fact");
        assert_eq!(node.app.store().projection_digest().await.unwrap(), digest, "nobody's assessment");
    }
}

//! Imports that are killed at any moment, and go on.

use std::time::{Duration, Instant as Moment};

use crate::{
    kills,
    list::{List, ROWS},
    node::{Node, Running, Said},
    random::Random,
};

/// A store is made anew after so many kills at most; the fewer, the more beginnings are seen.
const KILLS_PER_STORE: u64 = 4;

/// When a program is killed.
#[derive(Clone, Copy, Debug)]
pub enum KillAt {
    /// So long after it was started.
    Started(Duration),
    /// So long after it called this row committed.
    Committed(u64, Duration),
}

/// How long an undisturbed import takes, from the start to the first commit, to the last, and to the end.
pub struct Pace {
    first: Duration,
    last: Duration,
    end: Duration,
}

impl Pace {
    /// Imports once without being disturbed.
    pub fn of(node: &Node, list: &List) -> Self {
        let start = Moment::now();
        let mut running = Running::start(node.import_command(list));
        running.until_row(1);
        let first = start.elapsed();
        running.until_row(list.rows);
        let last = start.elapsed();
        let said = running.wait();
        assert!(said.status.success(), "{said:?}");
        Self { first, last, end: start.elapsed() }
    }

    /// Any moment of an import that begins after row `done`; half of them around what is fragile: the start, the
    /// catch-up after the last commit, the moment after an answer.
    pub fn any_moment(&self, random: &mut Random, list: &List, done: u64) -> KillAt {
        let left = list.rows - done;
        let after_some_row = |random: &mut Random| done + 1 + random.below(left.max(1));
        match random.below(8) {
            0 => KillAt::Started(self.first.mul_f64(random.share())),
            1 => KillAt::Committed(list.rows, (self.end - self.last).mul_f64(random.share())),
            2 | 3 => KillAt::Committed(after_some_row(random), Duration::from_micros(random.below(2_000))),
            _ if left > 0 => {
                let share = left as f64 / list.rows as f64;
                KillAt::Started(self.first + (self.end - self.first).mul_f64(share * random.share()))
            }
            _ => KillAt::Started(self.end.mul_f64(random.share())),
        }
    }
}

/// Starts an import and kills it then, unless it ends before.
pub fn import_and_kill(node: &Node, list: &List, at: KillAt) -> Said {
    kill_at(Running::start(node.import_command(list)), at)
}

/// Kills a running import then, unless it ends before.
pub fn kill_at(mut running: Running, at: KillAt) -> Said {
    let pause = match at {
        KillAt::Started(pause) => pause,
        KillAt::Committed(row, pause) => {
            running.until_row(row);
            pause
        }
    };
    std::thread::sleep(pause);
    let said = running.kill();
    let killed = std::os::unix::process::ExitStatusExt::signal(&said.status) == Some(9);
    assert!(killed || said.status.success(), "{at:?}: {said:?}");
    said
}

#[derive(Default)]
struct Tally {
    stores: u64,
    kills: u64,
    came_to_their_end: u64,
    before_the_first_commit: u64,
    after_the_last: u64,
}

impl Tally {
    fn note(&mut self, said: &Said, done: u64, list: &List) {
        self.kills += 1;
        self.came_to_their_end += u64::from(said.status.success());
        self.before_the_first_commit += u64::from(!said.status.success() && said.row <= done);
        self.after_the_last += u64::from(!said.status.success() && said.row == list.rows);
    }

    fn print(&self, engine: &str) {
        let Self { stores, kills, came_to_their_end, before_the_first_commit, after_the_last } = self;
        println!(
            "figure: {engine}: {kills} imports killed in {stores} stores ({before_the_first_commit} before their first commit, \
             {after_the_last} after their last, {came_to_their_end} had ended): no acknowledged row lost, none twice"
        );
    }
}

fn kill_again_and_again(engine: &str, seed: u64, make: impl Fn() -> Node) {
    let mut random = Random::new(seed);
    let mut tally = Tally::default();
    let folder = tempfile::tempdir().unwrap();
    let list = List::write(folder.path(), 0, ROWS);
    let pace = Pace::of(&make(), &list);
    while tally.kills < kills() as u64 {
        let node = make();
        tally.stores += 1;
        let mut done = 0;
        for _ in 0..(1 + random.below(KILLS_PER_STORE)).min(kills() as u64 - tally.kills) {
            let at = pace.any_moment(&mut random, &list, done);
            let said = import_and_kill(&node, &list, at);
            tally.note(&said, done, &list);
            done = node.check_rows(&[(&list, said.row.max(done))])[0];
        }
        node.finish(&list, done);
        node.check_rows(&[(&list, list.rows)]);
        node.check_sound(list.rows);
    }
    tally.print(engine);
}

#[test]
fn a_killed_import_on_sqlite_loses_nothing_and_goes_on() {
    kill_again_and_again("SQLite", 1, Node::sqlite);
}

#[test]
fn a_killed_import_on_postgres_loses_nothing_and_goes_on() {
    if Node::postgres().is_some() {
        kill_again_and_again("PostgreSQL", 2, || Node::postgres().expect("it was there before"));
    }
}

/// Several processes take the head of the log in turn; the one that has it may die with it.
#[test]
fn several_importers_that_are_killed_leave_no_gap_and_no_double_leaf() {
    const IMPORTERS: u64 = 3;
    const ROWS_EACH: u64 = 5_000;
    let Some(node) = Node::postgres() else { return };
    let folder = tempfile::tempdir().unwrap();
    let lists: Vec<List> = (0..IMPORTERS).map(|number| List::write(folder.path(), number, ROWS_EACH)).collect();
    let pace = Pace::of(&Node::postgres().expect("it was there before"), &lists[0]);
    let kills_each = (kills() as u64).div_ceil(IMPORTERS);
    // A store takes a list once: many kills need several rounds of lists that do not know each other.
    let killed: u64 = std::thread::scope(|scope| {
        let importers: Vec<_> = lists
            .iter()
            .zip(10..)
            .map(|(list, seed)| {
                let (node, pace) = (&node, &pace);
                scope.spawn(move || killed_importer(node, list, pace, seed, kills_each))
            })
            .collect();
        importers.into_iter().map(|importer| importer.join().expect("an importer's promises hold")).sum()
    });
    let all: Vec<(&List, u64)> = lists.iter().map(|list| (list, list.rows)).collect();
    node.check_rows(&all);
    node.check_sound(IMPORTERS * ROWS_EACH);
    println!(
        "figure: PostgreSQL: {IMPORTERS} importers into one store, {killed} kills: {} leaves",
        IMPORTERS * ROWS_EACH
    );
}

fn killed_importer(node: &Node, list: &List, pace: &Pace, seed: u64, kills: u64) -> u64 {
    let mut random = Random::new(seed);
    let mut acknowledged = 0;
    for _ in 0..kills {
        let at = pace.any_moment(&mut random, list, acknowledged);
        acknowledged = acknowledged.max(import_and_kill(node, list, at).row);
    }
    node.finish(list, acknowledged);
    kills
}

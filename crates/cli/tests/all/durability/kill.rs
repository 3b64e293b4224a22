//! Imports that are killed at any moment, and go on.

use std::time::{Duration, Instant as Moment};

use super::{
    kills,
    list::{List, ROWS},
    node::{Node, Running, Said},
    random::Random,
};

/// A store is made anew after so many kills at most; the fewer, the more beginnings are seen.
const KILLS_PER_STORE: u64 = 6;

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

    /// Any moment of an import that begins after row `done`: while it starts, in the catch-up after the last commit,
    /// soon after an answer, and anywhere between.
    pub fn any_moment(&self, random: &mut Random, list: &List, done: u64) -> KillAt {
        let left = list.rows - done;
        let share_left = left as f64 / list.rows as f64;
        match random.below(8) {
            0 => KillAt::Started(self.first.mul_f64(random.share())),
            1 => KillAt::Committed(list.rows, (self.end - self.last).mul_f64(random.share())),
            2..=5 if left > 1 => {
                let row = done + 1 + random.below(left - 1);
                KillAt::Committed(row, (self.last - self.first).mul_f64(random.share() / 6.0))
            }
            6 if left > 1 => {
                let from = self.first.mul_f64(0.7);
                KillAt::Started(from + self.last.saturating_sub(from).mul_f64(share_left * random.share()))
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
        self.kills += u64::from(!said.status.success());
        self.came_to_their_end += u64::from(said.status.success());
        self.before_the_first_commit += u64::from(!said.status.success() && said.row <= done && done < list.rows);
        self.after_the_last += u64::from(!said.status.success() && said.row.max(done) == list.rows);
    }

    fn print(&self, engine: &str) {
        let Self { stores, kills, came_to_their_end, before_the_first_commit, after_the_last } = self;
        println!(
            "figure: {engine}: {kills} imports killed in {stores} stores ({before_the_first_commit} before their first commit, \
             {after_the_last} after their last; {came_to_their_end} more had ended): no acknowledged row lost, none twice"
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
            if done == list.rows && random.below(4) > 0 {
                break;
            }
        }
        node.finish(&list, done);
        node.check_rows(&[(&list, list.rows)]);
        node.check_sound(list.rows);
    }
    tally.print(engine);
}

/// Kills `init` at any moment, gives the order again until it says that the store is there, and works with the store.
fn kill_the_making(engine: &str, seed: u64, make: impl Fn() -> Node) {
    let mut random = Random::new(seed);
    let folder = tempfile::tempdir().unwrap();
    let list = List::write(folder.path(), 0, 10);
    let start = Moment::now();
    make().initialised();
    let whole = start.elapsed();
    let mut unfinished = 0;
    for _ in 0..kills() {
        let node = make();
        let said = kill_at(Running::start(node.command(&["init"])), KillAt::Started(whole.mul_f64(random.share())));
        unfinished += u64::from(!said.status.success());
        let again = node.command(&["init"]).output().unwrap();
        let told = String::from_utf8_lossy(&again.stderr);
        assert!(again.status.success() || told.contains("already"), "{told}");
        node.finish(&list, 0);
        node.check_sound(list.rows);
    }
    println!(
        "figure: {engine}: {unfinished} of {} makings of a store killed: each went on to a store that works",
        kills()
    );
}

#[test]
fn a_store_whose_making_was_killed_is_made_by_the_same_order() {
    kill_the_making("SQLite", 3, Node::sqlite_unmade);
}

#[test]
fn a_store_on_postgres_whose_making_was_killed_is_made_by_the_same_order() {
    if Node::postgres_unmade().is_some() {
        kill_the_making("PostgreSQL", 4, || Node::postgres_unmade().expect("it was there before"));
    }
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
    const ROWS_EACH: u64 = 4_300;
    if Node::postgres().is_none() {
        return;
    }
    let node = || Node::postgres().expect("it was there before");
    let folder = tempfile::tempdir().unwrap();
    let lists: Vec<List> = (0..IMPORTERS).map(|number| List::write(folder.path(), number, ROWS_EACH)).collect();
    let pace = Pace::of(&node(), &lists[0]);
    let rounds = (kills() as u64).div_ceil(IMPORTERS * KILLS_PER_STORE);
    for round in 0..rounds {
        let node = node();
        std::thread::scope(|scope| {
            for (list, number) in lists.iter().zip(0..) {
                let (node, pace, random) = (&node, &pace, Random::new(1_000 + round * IMPORTERS + number));
                scope.spawn(move || import_killed_again_and_again(node, list, pace, random));
            }
        });
        let all: Vec<(&List, u64)> = lists.iter().map(|list| (list, list.rows)).collect();
        node.check_rows(&all);
        node.check_sound(IMPORTERS * ROWS_EACH);
    }
    println!(
        "figure: PostgreSQL: {IMPORTERS} importers at once into each of {rounds} stores, {} kills while the others go on: \
         {} leaves in each, no gap, none twice",
        rounds * IMPORTERS * KILLS_PER_STORE,
        IMPORTERS * ROWS_EACH
    );
}

fn import_killed_again_and_again(node: &Node, list: &List, pace: &Pace, mut random: Random) {
    let mut acknowledged = 0;
    for _ in 0..KILLS_PER_STORE {
        let at = pace.any_moment(&mut random, list, acknowledged);
        acknowledged = acknowledged.max(import_and_kill(node, list, at).row);
    }
    node.finish(list, acknowledged);
}

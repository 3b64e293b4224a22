//! Power cuts: whatever was not synced is gone, or any part of it.

use std::{fs, path::Path, process::Command, time::Duration};

use serde_json::json;
use sqlx::{Connection, Executor, SqliteConnection, sqlite::SqliteConnectOptions};

use super::{
    kill::{KillAt, Pace, kill_at},
    kills,
    list::{List, ROWS},
    lossy::{LossyDisk, Survives},
    node::{Node, Running, runtime},
    random::Random,
    server::Server,
};

const CUTS_PER_STORE: u64 = 3;

/// Of the same number of cuts, half leave nothing that was not synced, half any part of it.
fn surviving(cut: u64, random: &mut Random) -> Survives {
    if cut.is_multiple_of(2) { Survives::Nothing } else { Survives::Some(Random::new(random.below(u64::MAX))) }
}

fn folder_of(node: &Node) -> &Path {
    Path::new(&node.store).parent().unwrap()
}

#[test]
fn a_power_cut_takes_nothing_acknowledged_from_sqlite() {
    let mut random = Random::new(3);
    let folder = tempfile::tempdir().unwrap();
    let list = List::write(folder.path(), 0, ROWS);
    let pace = Pace::of(&Node::sqlite(), &list);
    let cuts_wanted = (kills() as u64).div_ceil(2);
    let (mut cuts, mut sectors_unsynced) = (0, 0);
    while cuts < cuts_wanted {
        let mut node = Node::sqlite();
        let mut done = 0;
        for _ in 0..(1 + random.below(CUTS_PER_STORE)).min(cuts_wanted - cuts) {
            let disk = LossyDisk::new(folder_of(&node));
            let mut import = node.import_command(&list);
            import.envs(disk.environment());
            let said = kill_at(Running::start(import), pace.any_moment(&mut random, &list, done));
            let after = node.folder.path().join(format!("after-cut-{cuts}"));
            sectors_unsynced += disk.cut_power(&after, surviving(cuts, &mut random));
            // Shared memory is gone with the power.
            let _ = fs::remove_file(after.join("sizao.db-shm"));
            node = node.moved_to(after.join("sizao.db").display().to_string());
            done = node.check_rows(&[(&list, said.row.max(done))])[0];
            cuts += 1;
        }
        node.finish(&list, done);
        node.check_rows(&[(&list, list.rows)]);
        node.check_sound(list.rows);
    }
    println!(
        "figure: SQLite: {cuts} power cuts that found {sectors_unsynced} sectors not synced: no acknowledged row lost, \
         none twice"
    );
}

#[test]
fn a_power_cut_takes_nothing_acknowledged_from_postgres() {
    let Some(mut server) = Server::start_new() else { return };
    let mut random = Random::new(4);
    let folder = tempfile::tempdir().unwrap();
    let cuts_wanted = (kills() as u64).div_ceil(5);
    let pace = Pace::of(&Node::on_server(&server.url()).initialised(), &List::write(folder.path(), 9_999, ROWS));
    let mut sectors_unsynced = 0;
    for cut in 0..cuts_wanted {
        let list = List::write(folder.path(), cut, ROWS);
        let node = Node::on_server(&server.url()).initialised();
        server.stop();
        let disk = LossyDisk::new(&server.data());
        server.start_on(Some(&disk));
        let said = kill_at(Running::start(node.import_command(&list)), pace.any_moment(&mut random, &list, 0));
        server.kill();
        sectors_unsynced += server.after_power_cut(&disk, surviving(cut, &mut random));
        let done = node.check_rows(&[(&list, said.row)])[0];
        node.finish(&list, done);
        node.check_rows(&[(&list, list.rows)]);
        node.check_sound(list.rows);
    }
    println!(
        "figure: PostgreSQL: {cuts_wanted} power cuts of the server that found {sectors_unsynced} sectors not synced: no \
         acknowledged row lost, none twice"
    );
}

/// The moments at which most hangs on the order of writes: just before each sync, those of the last checkpoint too.
#[test]
fn a_power_cut_at_any_sync_takes_nothing_acknowledged_from_sqlite() {
    const ROWS_OF_TWO_BATCHES: u64 = 2_300;
    let mut random = Random::new(5);
    let folder = tempfile::tempdir().unwrap();
    let list = List::write(folder.path(), 0, ROWS_OF_TWO_BATCHES);
    let mut sectors_unsynced = 0;
    let mut came_to_its_end = false;
    let mut sync = 0;
    while !came_to_its_end {
        sync += 1;
        let node = Node::sqlite();
        let disk = LossyDisk::new(folder_of(&node));
        let mut import = node.import_command(&list);
        import.envs(disk.environment()).env("SIZAO_LOSSY_CUT_AT", sync.to_string());
        let said = Running::start(import).wait();
        came_to_its_end = said.status.success();
        let after = node.folder.path().join("after");
        sectors_unsynced += disk.cut_power(&after, surviving(sync, &mut random));
        let _ = fs::remove_file(after.join("sizao.db-shm"));
        let node = node.moved_to(after.join("sizao.db").display().to_string());
        let done = node.check_rows(&[(&list, said.row)])[0];
        node.finish(&list, done);
        node.check_sound(list.rows);
    }
    let cuts = sync - 1;
    assert!(cuts > 5, "two commits and the last checkpoint sync more often than {cuts} times");
    println!(
        "figure: SQLite: a power cut at each of the {cuts} syncs of an import found {sectors_unsynced} sectors not synced: \
         no acknowledged row lost"
    );
}

#[test]
fn what_a_command_made_survives_a_power_cut_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let (watched, key_folder) = (folder.path().join("watched"), folder.path().join("watched/keys"));
    fs::create_dir_all(&key_folder).unwrap();
    let list = List::write(folder.path(), 0, 10);
    let disk = LossyDisk::new(&watched);
    let run = |folder: &Path, disk: Option<&LossyDisk>, args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sizao"));
        command.arg("--store").arg(folder.join("made/by/init/sizao.db")).arg("--key").arg(folder.join("keys/key"));
        command.args(args).envs(disk.into_iter().flat_map(LossyDisk::environment));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    let cut = |name: &str| {
        let after = folder.path().join(name);
        disk.cut_power(&after, Survives::Nothing);
        after
    };
    run(&watched, Some(&disk), &["init"]);
    run(&cut("after init"), None, &["log", "verify"]);
    run(&watched, Some(&disk), &["import", list.path.to_str().unwrap()]);
    run(&watched, Some(&disk), &["backup", watched.join("keys/backup.zst").to_str().unwrap()]);
    run(&watched, Some(&disk), &["keys", "rotate"]);
    let after = cut("after rotation");
    run(&after, None, &["log", "verify"]);
    let mut old_key = fs::read_dir(after.join("keys")).unwrap().map(|entry| entry.unwrap().path());
    let old_key = old_key.find(|path| path.to_string_lossy().contains("before")).expect("the old key is kept");
    let restored = folder.path().join("restored.db");
    let mut restore = Command::new(env!("CARGO_BIN_EXE_sizao"));
    restore.arg("--store").arg(restored).arg("--key").arg(old_key).arg("restore").arg(after.join("keys/backup.zst"));
    assert!(restore.status().unwrap().success());
}

#[test]
fn a_disk_that_lies_about_syncing_loses_acknowledged_rows() {
    let folder = tempfile::tempdir().unwrap();
    let list = List::write(folder.path(), 0, ROWS);
    let node = Node::sqlite();
    let disk = LossyDisk::new(folder_of(&node));
    let mut import = node.import_command(&list);
    import.envs(disk.environment()).env("SIZAO_LOSSY_IGNORE", "1");
    let said = kill_at(Running::start(import), KillAt::Committed(list.rows, Duration::ZERO));
    assert_eq!(said.row, list.rows);
    let after = node.folder.path().join("after");
    disk.cut_power(&after, Survives::Nothing);
    let node = node.moved_to(after.join("sizao.db").display().to_string());
    assert!(node.rows_left(&list) < said.row, "the control must lose what was acknowledged");
}

/// The shim tells a database that syncs at every commit from those that do not.
#[test]
fn sqlite_keeps_every_commit_only_with_synchronous_full() {
    for (setting, keeps) in [("FULL", true), ("NORMAL", false), ("OFF", false)] {
        let folder = tempfile::tempdir().unwrap();
        let (store, after) = (folder.path().join("store"), folder.path().join("after"));
        fs::create_dir(&store).unwrap();
        commit_rows(&store, "FULL", 1);
        let disk = LossyDisk::new(&store);
        let mut program = Command::new(std::env::current_exe().unwrap());
        program.args(["--exact", "durability::power_cut::the_program_that_commits_rows", "--nocapture"]);
        program.envs(disk.environment()).env("SIZAO_TEST_SYNCHRONOUS", setting);
        let said = kill_at(Running::start(program), KillAt::Committed(50, Duration::ZERO));
        assert!(said.row >= 50, "{said:?}");
        disk.cut_power(&after, Survives::Nothing);
        let left = commit_rows(&after, "FULL", 0);
        assert_eq!(left >= said.row, keeps, "{setting}: {left} rows left of {} acknowledged", said.row);
        println!("figure: control, SQLite with synchronous={setting}: {left} rows left of {} acknowledged", said.row);
    }
}

/// Not a test of its own but a program that the control starts, with a folder in the environment, and kills.
#[test]
fn the_program_that_commits_rows() {
    let Ok(store) = std::env::var("SIZAO_LOSSY_FOLDER") else { return };
    commit_rows(Path::new(&store), &std::env::var("SIZAO_TEST_SYNCHRONOUS").unwrap(), 100_000);
}

/// Commits so many rows, one a transaction, and says so after each; how many there are in the end.
fn commit_rows(folder: &Path, synchronous: &str, count: u64) -> u64 {
    runtime().block_on(async {
        let options = SqliteConnectOptions::new().filename(folder.join("control.db")).create_if_missing(true);
        let options = options.pragma("journal_mode", "WAL").pragma("synchronous", synchronous.to_owned());
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        connection.execute("CREATE TABLE IF NOT EXISTS row (no INTEGER PRIMARY KEY)").await.unwrap();
        for _ in 0..count {
            let no: i64 = sqlx::query_scalar("INSERT INTO row DEFAULT VALUES RETURNING no")
                .fetch_one(&mut connection)
                .await
                .unwrap();
            println!("{}", json!({"committed": {"row": no}}));
        }
        let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM row").fetch_one(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        rows as u64
    })
}

//! Stores that cannot be written: a clear error, an exit code, nothing half-written.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output},
};

use sqlx::{Connection, Executor, SqliteConnection, sqlite::SqliteConnectOptions};

use super::{
    list::{List, ROWS},
    lossy::LossyDisk,
    node::{Node, Running, runtime},
};

const FULL: &str = "the disk is full: nothing of this batch was stored, everything acknowledged before is safe";

fn check_refusal(output: &Output, words: &str) {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{output:?}");
    assert!(errors.starts_with("sizao: ") && errors.contains(words), "{errors}");
    assert!(!errors.contains("panicked"), "{errors}");
}

/// Imports until there is no room, makes room, goes on.
fn check_full_disk(node: &Node, list: &List, start: impl FnOnce() -> Command, make_room: impl FnOnce()) {
    let said = Running::start(start()).wait();
    assert_eq!(said.status.code(), Some(1), "{said:?}");
    assert!(said.errors.contains(FULL), "{}", said.errors);
    assert!(said.row < list.rows && said.report.is_none());
    let done = node.check_rows(&[(list, said.row)])[0];
    assert_eq!(done, said.row, "what was not acknowledged was not stored");
    make_room();
    assert_eq!(node.run(&["log", "verify"])["leaves"], done);
    node.finish(list, done);
    node.check_rows(&[(list, list.rows)]);
    node.check_sound(list.rows);
    println!("figure: a full disk after row {done}: refused, sound, and went on to row {}", list.rows);
}

#[test]
fn an_import_that_fills_the_disk_stops_whole_and_goes_on_when_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let list = List::write(folder.path(), 0, ROWS);
    for limit in [300_000, 2_000_000] {
        let node = Node::sqlite();
        let disk = LossyDisk::new(Path::new(&node.store).parent().unwrap());
        let start = || {
            let mut import = node.import_command(&list);
            import.envs(disk.environment()).env("SIZAO_LOSSY_BYTES", limit.to_string());
            import
        };
        check_full_disk(&node, &list, start, || ());
    }
}

/// A file system of its own, as full as it gets; only where mounting is permitted.
#[test]
fn a_full_file_system_is_said_and_nothing_is_half_written() {
    let node = Node::sqlite();
    let folder = Path::new(&node.store).parent().unwrap();
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=3m", "tmpfs"]).arg(folder).output();
    if !mounted.is_ok_and(|output| output.status.success()) {
        println!("not run on a file system of its own: mounting is not permitted");
        return;
    }
    let _mount = Mount(folder);
    let lists = tempfile::tempdir().unwrap();
    let list = List::write(lists.path(), 0, ROWS);
    fs::remove_file(node.key_file()).unwrap();
    node.run(&["init"]);
    let ballast = folder.join("ballast");
    fs::write(&ballast, vec![1; 1 << 20]).unwrap();
    let make_room = || {
        fs::remove_file(&ballast).unwrap();
        let grown = Command::new("mount").args(["-o", "remount,size=256m"]).arg(folder).status();
        assert!(grown.unwrap().success());
    };
    check_full_disk(&node, &list, || node.import_command(&list), make_room);
}

struct Mount<'a>(&'a Path);

impl Drop for Mount<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0).status();
    }
}

#[test]
fn a_store_that_may_not_be_written_is_refused_with_its_cure() {
    let folder = tempfile::tempdir().unwrap();
    let list = List::write(folder.path(), 0, 10);
    let node = Node::sqlite();
    let store = Path::new(&node.store).parent().unwrap();
    // Rights do not stop root; a file system that is mounted read-only does.
    let mounted = Command::new("mount").arg("--bind").arg(store).arg(store).output();
    if mounted.is_ok_and(|output| output.status.success()) {
        let _mount = Mount(store);
        let read_only = Command::new("mount").args(["-o", "remount,ro,bind"]).arg(store).status().unwrap();
        assert!(read_only.success());
        check_refusal(&node.import_command(&list).output().unwrap(), "check the rights of the file and its folder");
    } else {
        set_mode(Path::new(&node.store), 0o400);
        check_refusal(&node.import_command(&list).output().unwrap(), "check the rights of the file and its folder");
        // SQLite gives the files beside the database the rights that it had.
        fs::read_dir(store).unwrap().for_each(|file| set_mode(&file.unwrap().path(), 0o600));
    }
    node.finish(&list, 0);
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_store_in_use_by_another_process_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let (long, short) = (List::write(folder.path(), 0, ROWS), List::write(folder.path(), 1, 10));
    let node = Node::sqlite();
    let mut first = Running::start(node.import_command(&long));
    first.until_row(1);
    check_refusal(&node.import_command(&short).output().unwrap(), "is in use by another sizao process");
    let said = first.wait();
    assert!(said.status.success(), "{said:?}");
    node.check_rows(&[(&long, long.rows), (&short, 0)]);
    node.finish(&short, 0);
}

#[test]
fn a_database_that_another_program_holds_is_said_to_be_busy() {
    let folder = tempfile::tempdir().unwrap();
    let list = List::write(folder.path(), 0, 10);
    let node = Node::sqlite();
    runtime().block_on(async {
        let mut other = open(&node).await;
        other.execute("BEGIN IMMEDIATE").await.unwrap();
        check_refusal(&node.import_command(&list).output().unwrap(), "another program holds it");
        other.execute("ROLLBACK").await.unwrap();
        other.close().await.unwrap();
    });
    node.finish(&list, 0);
}

#[test]
fn a_store_of_a_newer_program_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let list = List::write(folder.path(), 0, 10);
    let mut nodes = vec![Node::sqlite()];
    nodes.extend(Node::postgres());
    for node in nodes {
        let newer = "INSERT INTO _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) \
                     SELECT 9999, 'of the future', installed_on, success, checksum, 0 FROM _sqlx_migrations WHERE version = 1";
        let undo = "DELETE FROM _sqlx_migrations WHERE version = 9999";
        execute(&node, newer);
        check_refusal(&node.import_command(&list).output().unwrap(), "has schema 9999, this program knows");
        execute(&node, undo);
        node.finish(&list, 0);
        node.check_sound(list.rows);
    }
}

async fn open(node: &Node) -> SqliteConnection {
    SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(&node.store)).await.unwrap()
}

fn execute(node: &Node, statement: &'static str) {
    runtime().block_on(async {
        if node.is_sqlite() {
            open(node).await.execute(statement).await.unwrap();
        } else {
            sqlx::PgConnection::connect(&node.store).await.unwrap().execute(statement).await.unwrap();
        }
    });
}

//! A PostgreSQL server that may be killed, other than the one that all tests share.

use std::{
    fs,
    net::TcpListener,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant as Moment},
};

use tempfile::TempDir;

use crate::durability::lossy::{LossyDisk, Survives};

const PATIENCE: Duration = Duration::from_secs(60);

/// A server with one data folder after another.
pub struct Server {
    folder: TempDir,
    programs: PathBuf,
    port: u16,
    user: Option<(u32, u32)>,
    running: Option<Child>,
    cuts: u32,
}

impl Server {
    /// None where PostgreSQL is not installed; in CI that is a failure.
    pub fn start_new() -> Option<Self> {
        let Some(programs) = find_programs() else {
            assert!(std::env::var_os("CI").is_none(), "CI runs every test on PostgreSQL: initdb is not installed");
            println!("not run on PostgreSQL: initdb is not installed (scripts/setup.sh installs it)");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut server = Self { folder, programs, port, user: other_user(), running: None, cuts: 0 };
        fs::create_dir(server.data()).unwrap();
        server.give_to_its_user(server.folder.path());
        let mut initdb = server.program("initdb", None);
        initdb.args(["-U", "sizao", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync", "--wal-segsize=1", "-D"]);
        let made = initdb.arg(server.data()).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        server.start_on(None);
        Some(server)
    }

    /// Where its data are now.
    pub fn data(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(format!("data-{}", self.cuts))
    }

    pub fn url(&self) -> String {
        format!("postgres://sizao@127.0.0.1:{}/postgres", self.port)
    }

    /// Starts it, its data on a disk that forgets if one is given.
    pub fn start_on(&mut self, disk: Option<&LossyDisk>) {
        let mut postgres = self.program("postgres", disk);
        postgres.arg("-D").arg(self.data()).args(["-p", &self.port.to_string(), "-k"]).arg(self.folder.path());
        postgres.args(["-c", "listen_addresses=127.0.0.1"]);
        let log = fs::File::create(self.folder.path().join("log")).unwrap();
        self.running = Some(postgres.stdout(Stdio::null()).stderr(log).spawn().unwrap());
        let patience = Moment::now() + PATIENCE;
        while !self.answers() {
            let log = || fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            assert!(Moment::now() < patience, "the server does not start: {}", log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Ends it in good order.
    pub fn stop(&mut self) {
        let mut stop = self.program("pg_ctl", None);
        let stopped = stop.arg("-D").arg(self.data()).args(["-m", "fast", "-w", "stop"]).output().unwrap();
        assert!(stopped.status.success(), "{}", String::from_utf8_lossy(&stopped.stdout));
        self.running.take().unwrap().wait().unwrap();
    }

    /// Kills all its processes.
    pub fn kill(&mut self) {
        let Some(mut postmaster) = self.running.take() else { return };
        let children = children_of(postmaster.id());
        let _ = postmaster.kill();
        let _ = postmaster.wait();
        for child in &children {
            let _ = Command::new("kill").args(["-KILL", &child.to_string()]).stderr(Stdio::null()).status();
        }
        let patience = Moment::now() + PATIENCE;
        while children.iter().any(|child| is_alive(*child)) {
            assert!(Moment::now() < patience, "processes of the server cannot be killed");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Starts it again with what a power cut leaves of its data.
    pub fn after_power_cut(&mut self, disk: &LossyDisk, survives: Survives) -> u64 {
        let before = self.data();
        self.cuts += 1;
        let unsynced = disk.cut_power(&self.data(), survives);
        fs::remove_dir_all(before).unwrap();
        self.give_to_its_user(&self.data());
        self.start_on(None);
        unsynced
    }

    fn answers(&self) -> bool {
        let mut ready = Command::new(self.programs.join("pg_isready"));
        ready.args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()]);
        ready.status().is_ok_and(|status| status.success())
    }

    /// PostgreSQL refuses to run as root.
    fn program(&self, name: &str, disk: Option<&LossyDisk>) -> Command {
        let mut command = Command::new(self.programs.join(name));
        command.envs(disk.into_iter().flat_map(LossyDisk::environment)).current_dir(self.folder.path());
        if let Some((user, group)) = self.user {
            command.uid(user).gid(group);
        }
        command
    }

    fn give_to_its_user(&self, folder: &Path) {
        let run = |command: &mut Command| assert!(command.status().unwrap().success());
        run(Command::new("chmod").args(["-R", "go-rwx"]).arg(folder));
        if let Some((user, group)) = self.user {
            run(Command::new("chown").args(["-R", &format!("{user}:{group}")]).arg(folder));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

fn find_programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    folders.extend(std::env::var_os("PATH").iter().flat_map(std::env::split_paths));
    folders.into_iter().find(|folder| folder.join("initdb").exists())
}

/// User and group to run as; nothing when these are our own already.
fn other_user() -> Option<(u32, u32)> {
    let is_root = std::os::unix::fs::MetadataExt::uid(&fs::metadata("/proc/self").unwrap()) == 0;
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let line = users.lines().find(|line| line.starts_with("postgres:")).filter(|_| is_root)?;
    let mut numbers = line.split(':').skip(2).map(|number| number.parse().unwrap());
    Some((numbers.next()?, numbers.next()?))
}

fn children_of(parent: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    numbers.filter(|number| stat(*number).is_some_and(|(_, its_parent)| its_parent == parent)).collect()
}

fn is_alive(process: u32) -> bool {
    stat(process).is_some_and(|(state, _)| state != 'Z')
}

/// State and parent of a process.
fn stat(process: u32) -> Option<(char, u32)> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name, in parentheses, may hold anything.
    let mut fields = text.rsplit_once(')')?.1.split_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

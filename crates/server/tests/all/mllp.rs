//! A laboratory's line: messages in frames over a socket, answered after the commit, whatever happens to the line.

use std::sync::Arc;

use sizao_app::{
    identity::Role,
    laboratory::{Deframer, Frame, ScanForm, mllp_frame},
};
use sizao_server::serve_mllp;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};

use crate::support::*;

fn oru(id: &str, tube: &str, outcome: &str) -> String {
    format!(
        "MSH|^~\\&|LIS|LAB||CDC|20220317093000+0800||ORU^R01^ORU_R01|{id}|P|2.5.1||||||UNICODE UTF-8\r\
         PID|1||TUBE^^^LAB\rOBR|1||{tube}|94500-6^SARS-CoV-2 RNA^LN|||20220317093000+0800|||||||||||||||20220317093000+0800|||F\r\
         OBX|1|CWE|94500-6^SARS-CoV-2 RNA^LN||{outcome}^^SCT||||||F|||20220317093000+0800|||||20220317093000+0800\r\
         SPM|1|^{tube}||258500001^swab^SCT\r"
    )
}

/// What comes back on a line, as text; nothing when the line is closed.
async fn answer(line: &mut TcpStream) -> Option<String> {
    let (mut deframer, mut buffer) = (Deframer::default(), [0; 4_096]);
    loop {
        let count = line.read(&mut buffer).await.unwrap_or(0);
        if count == 0 {
            return None;
        }
        if let Some(Frame::Message(bytes)) = deframer.push(&buffer[..count]).pop() {
            return Some(String::from_utf8(bytes).unwrap());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_of_a_laboratory_is_answered_after_the_commit_and_closed_without_a_token_that_holds() {
    for place in places().await {
        let world = World::full(place).await;
        let city = world.units[1].clone();
        let desk = world.actor_in(&world.units[2].clone(), Role::CommunityWorker).await;
        let scan = |step: &str| ScanForm {
            step: step.to_owned(),
            barcode: "LINE-1".to_owned(),
            holds: "pool".to_owned(),
            capacity: "5".to_owned(),
            name: "Somebody".to_owned(),
            phone: "13800000091".to_owned(),
            ..ScanForm::default()
        };
        let scans = world.app.scan(&desk, &[scan("open"), scan("swab"), scan("seal")], false).await.unwrap();
        assert!(scans.iter().all(Result::is_ok), "{scans:?}");
        let listen = async |token: String| {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let (stop, stopping) = watch::channel(false);
            let serving = tokio::spawn(serve_mllp(listener, Arc::from(token), world.shared.clone(), stopping));
            (address, stop, serving)
        };
        let (address, stop, serving) = listen(world.token_in(&city, Role::Lab).await).await;
        let mut line = TcpStream::connect(address).await.unwrap();
        // In pieces, with another frame behind it that is broken off.
        let framed = mllp_frame(oru("m1", "LINE-1", "260415000").as_bytes());
        for piece in framed.chunks(37) {
            line.write_all(piece).await.unwrap();
        }
        assert!(answer(&mut line).await.unwrap().contains("MSA|AA|m1"));
        let size = world.app.store().size().await.unwrap();
        line.write_all(b"\x0bMSH|cut").await.unwrap();
        line.write_all(&mllp_frame(oru("m1", "LINE-1", "260415000").as_bytes())).await.unwrap();
        let refused = answer(&mut line).await.unwrap();
        assert!(refused.contains("MSA|AR|"), "{refused}");
        drop(line);
        // The line went down before the second answer: the sender sends it again, and nothing is stored twice.
        let mut line = TcpStream::connect(address).await.unwrap();
        line.write_all(&mllp_frame(oru("m1", "LINE-1", "260415000").as_bytes())).await.unwrap();
        assert!(answer(&mut line).await.unwrap().contains("MSA|AA|m1"));
        assert_eq!(world.app.store().size().await.unwrap(), size);
        line.write_all(&mllp_frame(oru("m2", "LINE-1", "260373001").as_bytes())).await.unwrap();
        let refused = answer(&mut line).await.unwrap();
        assert!(refused.contains("MSA|AE|m2") && refused.contains("another result of this tube"), "{refused}");
        stop.send(true).unwrap();
        serving.await.unwrap().unwrap();

        // A token of somebody who runs no laboratory: the line is closed, and nothing is kept.
        let (address, stop, serving) = listen(world.token_in(&city, Role::Sentinel).await).await;
        let mut line = TcpStream::connect(address).await.unwrap();
        line.write_all(&mllp_frame(oru("m3", "LINE-1", "260415000").as_bytes())).await.unwrap();
        assert_eq!(answer(&mut line).await, None);
        assert_eq!(world.app.store().size().await.unwrap(), size);
        stop.send(true).unwrap();
        serving.await.unwrap().unwrap();
    }
}

//! What is odd or superfluous, and must disturb nothing: speech goes both ways, whole, over one connection.

use serde_json::json;
use tokio::time::sleep;
use zello_gateway::config::Zello;
use zello_gateway::sim::{Fault, Login, Phone, Settings};

use crate::scene::{Scene, Wire, account, secs, story};

/// Lines for people that the noise may cost.
const LINES: usize = 40;

/// Speech goes both ways under this fault, before and after a new connection, and after the fault.
fn undisturbed(fault: Fault) {
    story! {
        let (mut scene, phone) = Scene::online().await;
        leave_picture(&phone).await;
        scene.sim.set_fault(fault.clone());
        scene.over_is_heard(1, &phone).await;
        scene.talk_is_told(&phone).await;
        let tries = scene.way.tries.borrow().len();
        sleep(secs(600)).await;
        assert_eq!(scene.way.tries.borrow().len(), tries, "{fault:?}");
        phone.hang_up().await;

        // What comes at a log-on.
        scene.sim.close_all(1000, "");
        scene.station.lost().await;
        scene.station.online().await;
        let phone = scene.phone("watson").await;
        sleep(secs(1)).await;
        scene.over_is_heard(2, &phone).await;
        scene.talk_is_told(&phone).await;

        scene.sim.clear_faults();
        scene.over_is_heard(3, &phone).await;
        scene.talk_is_told(&phone).await;
        assert_eq!(scene.way.tries.borrow().len(), tries + 1, "{fault:?}");
        assert!(scene.lines("") <= LINES, "{fault:?}\n{}", scene.log());
        assert!(scene.log().lines().all(|line| line.len() < 500), "{fault:?}: endless lines");
        assert_eq!(scene.lines("no link to the channel"), 0, "{fault:?}\n{}", scene.log());
    }
}

/// An image in the channel, for the replay at each log-on.
async fn leave_picture(phone: &Phone) {
    let said = phone.ask_raw(json!({"command": "send_image", "type": "jpeg", "width": 1, "height": 1})).await;
    let id = said.unwrap().image_id.unwrap();
    for kind in [2_u8, 1] {
        let mut frame = vec![2];
        frame.extend(id.to_be_bytes());
        frame.extend([0, 0, 0, kind, 0xff, 0xd8]);
        phone.send_bytes(frame).unwrap();
    }
}

#[test]
pub(crate) fn names_of_every_script() {
    story! {
        let (channel, name) = ("Берег реки ☂ 川岸", "Ватсон Ü");
        let zello = Zello { channel: channel.to_owned(), ..account() };
        let mut scene = Scene::of(Settings::default(), zello, |sim| Wire::new(move || sim.connect_memory()));
        scene.station.online().await;
        let login = Login::new(name, channel);
        let phone = Phone::over(scene.sim.connect_memory(), "ws://localhost/ws", &login).await.unwrap();
        sleep(secs(1)).await;
        scene.sim.set_fault(Fault::WrongCase);
        scene.sim.set_fault(Fault::ForeignNames);
        scene.over_is_heard(1, &phone).await;
        scene.talk_is_told(&phone).await;
        assert!(scene.lines(&format!("Ватсон 川 ☂ {name}")) == 1 && scene.lines("WARN") == 0, "{}", scene.log());
    }
}

#[test]
pub(crate) fn events_that_nobody_documents() {
    undisturbed(Fault::UnknownEvents);
}

#[test]
pub(crate) fn fields_that_nobody_documents() {
    undisturbed(Fault::UnknownFields);
}

#[test]
pub(crate) fn frames_that_are_no_messages() {
    undisturbed(Fault::Garbage);
}

#[test]
pub(crate) fn status_events_between_request_and_reply() {
    undisturbed(Fault::UsersOnlineStorm { events: 200 });
}

#[test]
pub(crate) fn status_events_without_flags() {
    undisturbed(Fault::StatusWithoutFlags);
}

#[test]
pub(crate) fn the_channel_s_name_in_another_case() {
    undisturbed(Fault::WrongCase);
}

#[test]
pub(crate) fn talkers_in_other_scripts() {
    undisturbed(Fault::ForeignNames);
}

#[test]
pub(crate) fn images_again_at_each_log_on() {
    undisturbed(Fault::ImageReplay);
}

#[test]
pub(crate) fn a_codec_header_of_18_bytes() {
    undisturbed(Fault::LongHeader);
}

#[test]
pub(crate) fn a_stop_before_the_start() {
    undisturbed(Fault::StopBeforeStart);
}

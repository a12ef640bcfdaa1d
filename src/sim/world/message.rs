//! Texts, places and images: passed on to the channel or to one user.

use serde_json::{Value, json};

use super::super::json::put;
use super::{ConnId, Fault, Frame, Now, Seen, World};
use crate::zello::command::{SendImage, SendLocation};
use crate::zello::{BinaryFrame, ImageFrame, Seq};

/// Longest text, 30 KB (protocol section 4.4).
const MAX_TEXT_BYTES: usize = 30 * 1024;

/// How many images are kept for the replay.
const KEPT_PICTURES: usize = 16;

/// Frames kept of each: image and thumbnail, and once more. All are passed on.
const KEPT_FRAMES: usize = 4;

/// An image that was announced.
#[derive(Debug)]
pub(super) struct Picture {
    id: u32,
    owner: ConnId,
    from: String,
    channel: String,
    to: Option<String>,
    event: Value,
    frames: Vec<Vec<u8>>,
}

impl World {
    pub(super) fn relay_text(
        &mut self,
        now: Now,
        conn: ConnId,
        seq: Option<Seq>,
        channel: Option<&str>,
        text: Option<&str>,
        to: Option<&str>,
    ) {
        let judged = match text {
            None | Some("") => Err("not enough params"),
            Some(text) if text.len() > MAX_TEXT_BYTES => Err("invalid request"),
            Some(text) => self.may_send(conn, channel).map(|channel| (channel, text)),
        };
        let (channel, text) = match judged {
            Ok(judged) => judged,
            Err(error) => return self.fail(now, conn, seq, error),
        };
        self.tell(Seen::Text { from: self.name_of(conn), text: text.to_owned() });
        let id = self.next_id();
        self.succeed(now, conn, seq, json!({}));
        let event = json!({"command": "on_text_message", "message_id": id, "text": text});
        self.pass_on(now, conn, &channel, to, event);
    }

    pub(super) fn relay_location(
        &mut self,
        now: Now,
        conn: ConnId,
        seq: Option<Seq>,
        location: &SendLocation,
    ) {
        let place = location.latitude.zip(location.longitude).ok_or("not enough params");
        let judged = place.and_then(|place| Ok((place, self.may_send(conn, location.channel.as_deref())?)));
        let ((latitude, longitude), channel) = match judged {
            Ok(judged) => judged,
            Err(error) => return self.fail(now, conn, seq, error),
        };
        let id = self.next_id();
        self.succeed(now, conn, seq, json!({}));
        let mut event = json!({
            "command": "on_location",
            "message_id": id,
            "latitude": latitude,
            "longitude": longitude,
        });
        if let Some(accuracy) = location.accuracy {
            put(&mut event, "accuracy", accuracy);
        }
        if let Some(address) = &location.formatted_address {
            put(&mut event, "formatted_address", address.as_str());
        }
        self.pass_on(now, conn, &channel, location.to.as_deref(), event);
    }

    pub(super) fn relay_image(&mut self, now: Now, conn: ConnId, seq: Option<Seq>, image: &SendImage) {
        let judged = match image.kind.as_deref() {
            None => Err("not enough params"),
            Some("jpeg") => self.may_send(conn, image.channel.as_deref()),
            Some(_) => Err("invalid request"),
        };
        let channel = match judged {
            Ok(channel) => channel,
            Err(error) => return self.fail(now, conn, seq, error),
        };
        let id = self.next_id();
        self.succeed(now, conn, seq, json!({"image_id": id}));
        let mut event = json!({
            "command": "on_image",
            "message_id": id,
            "type": "jpeg",
            "source": image.source.as_deref().unwrap_or("library"),
        });
        for (name, pixels) in [("width", image.width), ("height", image.height)] {
            if let Some(pixels) = pixels {
                put(&mut event, name, pixels);
            }
        }
        let event = self.pass_on(now, conn, &channel, image.to.as_deref(), event);
        if self.pictures.len() >= KEPT_PICTURES {
            self.pictures.remove(0);
        }
        self.pictures.push(Picture {
            id,
            owner: conn,
            from: self.name_of(conn),
            channel,
            to: image.to.clone(),
            event,
            frames: Vec::new(),
        });
    }

    pub(super) fn handle_picture(&mut self, now: Now, conn: ConnId, image: ImageFrame<'_>) {
        let bytes = BinaryFrame::Image(image).to_vec();
        let announced =
            self.pictures.iter_mut().find(|picture| picture.id == image.image_id && picture.owner == conn);
        let Some(picture) = announced else { return self.fail(now, conn, None, "failed to send data") };
        if picture.frames.len() < KEPT_FRAMES {
            picture.frames.push(bytes.clone());
        }
        let (channel, to) = (picture.channel.clone(), picture.to.clone());
        for listener in self.audience(conn, &self.name_of(conn), &channel, to.as_deref()) {
            self.deliver(now, listener, Frame::Binary(bytes.clone()), std::time::Duration::ZERO);
        }
    }

    /// Sends the images of a client's channels again, as the service does at each log-on.
    pub(super) fn replay_pictures(&mut self, now: Now, conn: ConnId) {
        if !self.faults.has(&Fault::ImageReplay) {
            return;
        }
        let Some(session) = self.session(conn) else { return };
        let is_meant = |picture: &&Picture| {
            picture.owner != conn
                && session.is_online(&picture.channel)
                && picture.from != session.name()
                && picture.to.as_deref().is_none_or(|to| to == session.name())
        };
        let meant: Vec<(Value, Vec<Vec<u8>>)> = self
            .pictures
            .iter()
            .filter(is_meant)
            .map(|picture| (picture.event.clone(), picture.frames.clone()))
            .collect();
        for (event, frames) in meant {
            self.event(now, conn, event);
            for bytes in frames {
                self.deliver(now, conn, Frame::Binary(bytes), std::time::Duration::ZERO);
            }
        }
    }

    /// The channel that a message goes to, if its sender may send.
    fn may_send(&self, conn: ConnId, channel: Option<&str>) -> Result<String, &'static str> {
        if self.session(conn).is_some_and(|session| session.admitted.listen_only) {
            return Err("listen only connection");
        }
        self.channel_of(conn, channel)
    }

    fn name_of(&self, conn: ConnId) -> String {
        self.session(conn).map(|session| session.name().to_owned()).unwrap_or_default()
    }

    /// Sends an event to whom it is for; the event with channel, `from` and `for`.
    fn pass_on(
        &mut self,
        now: Now,
        conn: ConnId,
        channel: &str,
        to: Option<&str>,
        mut event: Value,
    ) -> Value {
        let from = self.name_of(conn);
        put(&mut event, "channel", self.spelled(channel));
        put(&mut event, "from", self.called(&from));
        self.add_for(&mut event, to);
        for listener in self.audience(conn, &from, channel, to) {
            self.event(now, listener, event.clone());
        }
        event
    }
}

//! The simulator keeps the contract of a Zello server: every line of the checklist, in virtual time.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "helpers of a test fail as the test does: by panicking"
)]

#[path = "support/sim.rs"]
mod support;

use std::time::Duration;

use serde_json::json;
use support::{Client, Got, TOKEN, audio, logon, start, stop};
use tokio::time::{Instant, sleep};
use zello_gateway::sim::{Settings, Sim};

fn open_server() -> Sim {
    Sim::start(Settings::default())
}

fn server(toml: &str) -> Sim {
    Sim::start(toml::from_str(toml).unwrap())
}

#[tokio::test(start_paused = true)]
async fn the_official_sdk_logs_on_talks_and_listens_with_its_exact_frames() {
    let sim = open_server();
    let mut tx = Client::open(&sim, "/ws").await;
    tx.text(&format!(
        r#"{{"command":"logon","seq":1,"channel":"Test ch","auth_token":"{TOKEN}","username":"tx","password":"p","version":"1.4.0"}}"#
    ))
    .await;
    let reply = tx.json().await;
    assert_eq!((&reply["seq"], &reply["success"]), (&json!(1), &json!(true)));
    assert!(reply["refresh_token"].is_string() && reply.get("error").is_none());
    assert_eq!(
        tx.json().await,
        json!({"command": "on_channel_status", "channel": "Test ch", "status": "online", "users_online": 1,
            "images_supported": true, "texting_supported": true, "locations_supported": true, "full_duplex": false})
    );
    let mut rx = Client::logged_on(&sim, "rx").await;
    assert_eq!(tx.json().await["users_online"], 2);

    tx.text(r#"{"type":"audio","codec":"opus","codec_header":"gD4BFA==","packet_duration":20,"seq":2,"command":"start_stream"}"#).await;
    let reply = tx.json().await;
    let id = u32::try_from(reply["stream_id"].as_u64().unwrap()).unwrap();
    assert_eq!(reply, json!({"seq": 2, "success": true, "stream_id": id}));
    assert_eq!(
        rx.json().await,
        json!({"command": "on_stream_start", "type": "audio", "codec": "opus", "codec_header": "gD4BFA==",
            "packet_duration": 20, "stream_id": id, "channel": "Test ch", "from": "tx", "for": false})
    );
    // Its own packet numbers are ignored: the server counts for itself.
    for number in [7, 7, 0] {
        tx.bytes(&audio(id, number, b"opus")).await;
    }
    for number in 1..=3 {
        assert_eq!(rx.binary().await, audio(id, number, b"opus"));
    }
    tx.text(&format!(r#"{{"stream_id":{id},"seq":3,"command":"stop_stream"}}"#)).await;
    assert_eq!(tx.json().await, json!({"seq": 3, "success": true}));
    assert_eq!(rx.json().await, json!({"command": "on_stream_stop", "stream_id": id}));

    tx.text(r#"{"text":"héllo","seq":4,"command":"send_text_message"}"#).await;
    assert_eq!(tx.json().await, json!({"seq": 4, "success": true}));
    let text = rx.json().await;
    assert_eq!((&text["text"], &text["from"], &text["for"]), (&json!("héllo"), &json!("tx"), &json!(false)));
    assert!(text["message_id"].as_u64().unwrap() > u64::from(id), "ids come from one counter");

    tx.text(r#"{"command":"keepalive","seq":6}"#).await;
    assert_eq!(tx.json().await, json!({"seq": 6, "success": true}));
    tx.is_quiet().await;
    rx.is_quiet().await;
}

#[tokio::test(start_paused = true)]
async fn the_official_sdks_own_live_tests_would_pass() {
    let sim = server("[[accounts]]\nusername = 'a'\npassword = 'right'");
    let mut client = Client::open(&sim, "/ws").await;
    let attempt = |password| json!({"command": "logon", "seq": 1, "channel": "c", "username": "a", "password": password});
    assert_eq!(client.ask(attempt("wrong")).await, json!({"error": "invalid password", "seq": 1}));
    assert_eq!(client.ask(attempt("right")).await["success"], true);
    assert_eq!(client.json().await["status"], "online");
    let empty = client.ask(json!({"command": "start_stream", "seq": 2})).await;
    assert_eq!(empty, json!({"error": "not enough params", "seq": 2}));
    let start = client
        .ask(json!({"command": "start_stream", "seq": 3, "type": "audio", "codec": "opus",
            "codec_header": "gD4BPA==", "packet_duration": 200}))
        .await;
    assert!(start["stream_id"].is_u64());
    let empty = client.ask(json!({"command": "stop_stream", "seq": 4})).await;
    assert_eq!(empty, json!({"error": "not enough params", "seq": 4}));
    let stopped =
        client.ask(json!({"command": "stop_stream", "seq": 5, "stream_id": start["stream_id"]})).await;
    assert_eq!(stopped, json!({"seq": 5, "success": true}));
    assert_eq!(client.json().await, json!({"command": "on_error", "error": "empty message"}));
}

#[tokio::test(start_paused = true)]
async fn images_pass_as_an_event_and_two_frames() {
    let sim = open_server();
    let mut rx = Client::logged_on(&sim, "rx").await;
    let mut tx = Client::logged_on(&sim, "tx").await;
    rx.json().await;
    let reply = tx
        .ask(json!({"seq": 5, "command": "send_image", "type": "jpeg", "width": 200, "height": 100, "source": "library"}))
        .await;
    let id = u32::try_from(reply["image_id"].as_u64().unwrap()).unwrap();
    assert_eq!(reply, json!({"seq": 5, "success": true, "image_id": id}));
    assert_eq!(
        rx.json().await,
        json!({"command": "on_image", "channel": "Test ch", "from": "tx", "for": false, "message_id": id,
            "type": "jpeg", "width": 200, "height": 100, "source": "library"})
    );
    for kind in [2_u8, 1] {
        let mut frame = audio(id, kind.into(), &[0xff, 0xd8]);
        frame[0] = 2;
        tx.bytes(&frame).await;
        assert_eq!(rx.binary().await, frame);
    }
}

#[tokio::test(start_paused = true)]
async fn places_pass_to_the_one_they_are_for() {
    let sim = open_server();
    let mut meant = Client::logged_on(&sim, "meant").await;
    let mut other = Client::logged_on(&sim, "other").await;
    let mut tx = Client::logged_on(&sim, "tx").await;
    meant.all().await;
    other.all().await;
    let reply = tx
        .ask(json!({"seq": 2, "command": "send_location", "channel": "Test ch", "latitude": 51.52,
            "longitude": -0.16, "accuracy": 5.0, "formatted_address": "Baker Street", "for": "meant"}))
        .await;
    assert_eq!(reply, json!({"seq": 2, "success": true}));
    let mut place = meant.json().await;
    assert!(place["message_id"].take().is_u64());
    assert_eq!(
        place,
        json!({"command": "on_location", "channel": "Test ch", "from": "tx", "for": "meant", "message_id": null,
            "latitude": 51.52, "longitude": -0.16, "accuracy": 5.0, "formatted_address": "Baker Street"})
    );
    other.is_quiet().await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_for_one_user_is_heard_by_that_one_alone() {
    let sim = open_server();
    let mut meant = Client::logged_on(&sim, "meant").await;
    let mut other = Client::logged_on(&sim, "other").await;
    let mut tx = Client::logged_on(&sim, "tx").await;
    meant.all().await;
    other.all().await;
    let mut request = start(2);
    request["for"] = json!("meant");
    let id = u32::try_from(tx.ask(request).await["stream_id"].as_u64().unwrap()).unwrap();
    tx.bytes(&audio(id, 0, b"x")).await;
    assert_eq!(meant.json().await["for"], "meant");
    assert_eq!(meant.binary().await, audio(id, 1, b"x"));
    other.is_quiet().await;
}

#[tokio::test(start_paused = true)]
async fn sequence_number_zero_is_echoed_and_without_one_success_is_silent() {
    let sim = open_server();
    let mut client = Client::open(&sim, "/ws").await;
    let mut first = logon("a");
    first["seq"] = json!(0);
    assert_eq!(client.ask(first).await["seq"], 0);
    client.all().await;
    client.say(json!({"command": "keepalive"})).await;
    client.is_quiet().await;
    let complaint = client.ask(json!({"command": "stop_stream", "stream_id": 1})).await;
    assert_eq!(complaint, json!({"command": "on_error", "error": "invalid stream id"}));
}

#[tokio::test(start_paused = true)]
async fn nothing_works_before_the_log_on() {
    let sim = open_server();
    let mut client = Client::open(&sim, "/ws").await;
    assert_eq!(client.ask(start(1)).await, json!({"error": "not logged in", "seq": 1}));
    assert_eq!(client.ask(json!({"command": "keepalive", "seq": 2})).await["error"], "not logged in");
    client.bytes(&audio(1, 1, b"x")).await;
    assert_eq!(client.json().await, json!({"command": "on_error", "error": "not logged in"}));
}

#[tokio::test(start_paused = true)]
async fn malformed_frames_earn_an_error_each_and_the_session_stays() {
    let sim = open_server();
    let mut client = Client::logged_on(&sim, "a").await;
    for text in ["", "{", "[1]", "7", "héllo"] {
        client.text(text).await;
        assert_eq!(client.json().await, json!({"command": "on_error", "error": "invalid json"}), "{text}");
    }
    for bytes in [&[][..], &[1, 0, 0], &[9; 20]] {
        client.bytes(bytes).await;
        assert_eq!(client.json().await["error"], "invalid audio packet");
    }
    assert_eq!(
        client.ask(json!({"command": "send_alert", "seq": 8})).await,
        json!({"error": "unknown command", "seq": 8})
    );
    assert_eq!(client.ask(json!({"seq": 9})).await["error"], "unknown command");
    assert_eq!(client.ask(json!({"command": "keepalive", "seq": 10})).await["success"], true);
}

#[tokio::test(start_paused = true)]
async fn each_service_has_its_own_log_on() {
    let sim = open_server();
    let names = json!({"command": "logon", "seq": 1, "channels": ["c"], "username": "a", "password": "p", "auth_token": null});
    for path in ["/ws/acme", "/ws/mesh", "/ws/mesh/"] {
        let mut client = Client::open(&sim, path).await;
        assert_eq!(client.ask(names.clone()).await, json!({"seq": 1, "success": true}), "{path}");
    }
    for path in ["/ws", "/ws/"] {
        let mut client = Client::open(&sim, path).await;
        assert!(client.ask(names.clone()).await["refresh_token"].is_string(), "{path}");
    }
    let nowhere = tokio_tungstenite::client_async("ws://localhost/elsewhere", sim.connect_memory()).await;
    assert!(nowhere.unwrap_err().to_string().contains("404"));
}

#[tokio::test(start_paused = true)]
async fn the_subprotocol_is_selected_only_if_offered() {
    use tokio_tungstenite::tungstenite::client::IntoClientRequest;
    let sim = open_server();
    let mut request = "ws://localhost/ws".into_client_request().unwrap();
    request.headers_mut().insert("Sec-WebSocket-Protocol", "zello".parse().unwrap());
    let (_, answer) = tokio_tungstenite::client_async(request, sim.connect_memory()).await.unwrap();
    assert_eq!(answer.headers()["Sec-WebSocket-Protocol"], "zello");
    let (_, answer) =
        tokio_tungstenite::client_async("ws://localhost/ws", sim.connect_memory()).await.unwrap();
    assert!(!answer.headers().contains_key("Sec-WebSocket-Protocol"));
}

#[tokio::test(start_paused = true)]
async fn an_anonymous_or_listen_only_session_hears_and_cannot_send() {
    let sim = open_server();
    let mut nobody = Client::open(&sim, "/ws").await;
    nobody.say(json!({"command": "logon", "seq": 1, "channel": "Test ch", "auth_token": TOKEN})).await;
    let mut quiet = Client::open(&sim, "/ws").await;
    let mut listening = logon("quiet");
    listening["listen_only"] = json!(true);
    quiet.say(listening).await;
    let mut tx = Client::logged_on(&sim, "tx").await;
    for client in [&mut nobody, &mut quiet] {
        client.all().await;
        for command in ["start_stream", "send_text_message", "send_location", "send_image"] {
            let request = json!({"command": command, "seq": 5, "type": if command == "send_image" { "jpeg" } else { "audio" },
                "codec": "opus", "codec_header": "gD4BPA==", "packet_duration": 60, "text": "t",
                "latitude": 1.0, "longitude": 1.0});
            assert_eq!(
                client.ask(request).await,
                json!({"error": "listen only connection", "seq": 5}),
                "{command}"
            );
        }
    }
    tx.start().await;
    assert_eq!(nobody.json().await["command"], "on_stream_start");
}

#[tokio::test(start_paused = true)]
async fn a_second_log_on_on_the_same_socket_succeeds() {
    let sim = open_server();
    let mut client = Client::logged_on(&sim, "a").await;
    assert_eq!(client.ask(logon("a")).await["success"], true);
    let status = client.json().await;
    assert_eq!((&status["status"], &status["users_online"]), (&json!("online"), &json!(1)));
    client.is_quiet().await;
}

#[tokio::test(start_paused = true)]
async fn one_session_an_account_the_older_is_kicked() {
    let sim = open_server();
    let mut old = Client::logged_on(&sim, "a").await;
    let _new = Client::logged_on(&sim, "a").await;
    assert_eq!(old.json().await, json!({"command": "on_error", "error": "kicked"}));
    assert_eq!(old.got().await, Got::Close(3003, "kicked".into()));
    // The same name elsewhere is another account.
    let mut elsewhere = Client::open(&sim, "/ws/acme").await;
    elsewhere.say(logon("a")).await;
    assert_eq!(elsewhere.json().await["success"], true);
}

#[tokio::test(start_paused = true)]
async fn everybody_is_told_of_joins_and_leaves() {
    let sim = open_server();
    let mut stays = Client::logged_on(&sim, "stays").await;
    let mut goes = Client::logged_on(&sim, "goes").await;
    assert_eq!(stays.json().await["users_online"], 2);
    goes.0.close(None).await.unwrap();
    assert_eq!(stays.json().await["users_online"], 1);
}

#[tokio::test(start_paused = true)]
async fn start_stream_is_checked_as_the_service_does() {
    let sim = open_server();
    let mut client = Client::logged_on(&sim, "a").await;
    for field in ["type", "codec", "codec_header", "packet_duration"] {
        let mut request = start(2);
        request.as_object_mut().unwrap().remove(field);
        assert_eq!(client.ask(request).await["error"], "not enough params", "{field}");
    }
    let wrong = [("type", "video"), ("codec", "speex"), ("codec_header", "!"), ("codec_header", "gD4BBQ==")];
    for (field, value) in wrong {
        let mut request = start(3);
        request[field] = json!(value);
        assert_eq!(client.ask(request).await, json!({"error": "invalid request", "seq": 3}), "{value}");
    }
    let odd =
        [("gD4BPA==", 120.0), ("gD4DPA==", 60.0), ("gLsBFA==", 200.0), ("gD4BPAAAAAAAAAAAAAAAAAAA", 2.5)];
    for (header, duration) in odd {
        let mut request = start(4);
        request["codec_header"] = json!(header);
        request["packet_duration"] = json!(duration);
        let id =
            client.ask(request).await["stream_id"].as_u64().unwrap_or_else(|| panic!("{header} was refused"));
        client.say(stop(u32::try_from(id).unwrap(), 5)).await;
        client.all().await;
    }
    let mut request = start(6);
    request["channel"] = json!("test ch");
    assert_eq!(client.ask(request).await["error"], "channel is not ready", "names are compared byte by byte");
}

#[tokio::test(start_paused = true)]
async fn with_several_channels_a_request_must_name_one() {
    let sim = open_server();
    let mut client = Client::open(&sim, "/ws/acme").await;
    client
        .say(json!({"command": "logon", "seq": 1, "channels": ["a", "b"], "username": "u", "password": "p"}))
        .await;
    let all = client.all().await;
    assert_eq!(all.len(), 3, "{all:?}");
    assert_eq!(client.ask(start(2)).await["error"], "not enough params");
    let mut request = start(3);
    request["channel"] = json!("b");
    assert!(client.ask(request).await["stream_id"].is_u64());
}

#[tokio::test(start_paused = true)]
async fn early_audio_is_not_ready_and_late_audio_has_no_stream() {
    let sim = open_server();
    let mut client = Client::logged_on(&sim, "a").await;
    client.bytes(&audio(0, 0, b"x")).await;
    assert_eq!(client.json().await["error"], "channel is not ready");
    let id = client.start().await;
    client.bytes(&audio(id, 0, b"x")).await;
    assert_eq!(client.ask(stop(id, 3)).await["success"], true);
    client.bytes(&audio(id, 1, b"x")).await;
    assert_eq!(client.json().await, json!({"command": "on_error", "error": "invalid stream id"}));
    assert_eq!(client.ask(stop(id, 4)).await, json!({"error": "invalid stream id", "seq": 4}));
    assert!(client.start().await > id, "ids increase");
}

#[tokio::test(start_paused = true)]
async fn one_talker_at_a_time_and_priority_goes_first() {
    let sim = open_server();
    let mut low = Client::logged_on(&sim, "low").await;
    let mut usual = Client::logged_on(&sim, "usual").await;
    low.all().await;
    let mut request = start(2);
    request["talk_priority"] = json!(10);
    let id = low.ask(request).await["stream_id"].clone();
    assert_eq!(usual.json().await["stream_id"], id);
    let reply = usual.ask(start(3)).await;
    assert_eq!(reply, json!({"command": "on_stream_stop", "stream_id": id}), "the lower one is interrupted");
    assert!(usual.json().await["stream_id"].is_u64());
    assert_eq!(low.json().await, json!({"command": "on_stream_stop", "stream_id": id}));
    assert_eq!(low.json().await["from"], "usual");
    assert_eq!(low.ask(start(4)).await, json!({"error": "channel busy", "seq": 4}));
}

#[tokio::test(start_paused = true)]
async fn the_busy_error_can_be_chosen() {
    let sim = server("busy_error = 'failed to start stream'");
    let mut first = Client::logged_on(&sim, "first").await;
    let mut second = Client::logged_on(&sim, "second").await;
    first.all().await;
    first.start().await;
    second.all().await;
    assert_eq!(second.ask(start(4)).await["error"], "failed to start stream");
}

#[tokio::test(start_paused = true)]
async fn a_stream_without_packets_is_ended_by_the_server() {
    let sim = open_server();
    let mut client = Client::logged_on(&sim, "a").await;
    let id = client.start().await;
    sleep(Duration::from_secs(9)).await;
    client.bytes(&audio(id, 0, &[])).await;
    let since = Instant::now();
    assert_eq!(client.json().await, json!({"command": "on_stream_stop", "stream_id": id}));
    assert_eq!(since.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_talker_who_is_lost_ends_the_stream() {
    let sim = open_server();
    let mut rx = Client::logged_on(&sim, "rx").await;
    let mut tx = Client::logged_on(&sim, "tx").await;
    rx.json().await;
    let id = tx.start().await;
    rx.json().await;
    drop(tx);
    assert_eq!(rx.json().await, json!({"command": "on_stream_stop", "stream_id": id}));
}

#[tokio::test(start_paused = true)]
async fn texts_are_bounded() {
    let sim = open_server();
    let mut client = Client::logged_on(&sim, "a").await;
    let text = |length| json!({"command": "send_text_message", "seq": 2, "text": "x".repeat(length)});
    assert_eq!(client.ask(text(30 * 1024)).await["success"], true);
    assert_eq!(client.ask(text(30 * 1024 + 1)).await["error"], "invalid request");
    assert_eq!(
        client.ask(json!({"command": "send_text_message", "seq": 3})).await["error"],
        "not enough params"
    );
}

#[tokio::test(start_paused = true)]
async fn the_server_pings_and_drops_who_does_not_answer() {
    let sim = open_server();
    let mut client = Client::logged_on(&sim, "a").await;
    let since = Instant::now();
    for count in 1..=10 {
        assert_eq!(client.got().await, Got::Ping);
        assert_eq!(since.elapsed().as_secs(), 30 * count);
    }
    // From here on nothing is read, so nothing is answered.
    sleep(Duration::from_secs(65)).await;
    assert_eq!(client.all().await.last(), Some(&Got::Lost));
}

#[tokio::test(start_paused = true)]
async fn channels_of_the_configuration_have_rules() {
    let sim = server(
        "[[channels]]\nname = 'open'\n[[channels]]\nname = 'shut'\npassword_protected = true\n\
         [[channels]]\nname = 'club'\nusers = ['member']\n[[channels]]\nname = 'stage'\ntalkers = ['star']",
    );
    let mut client = Client::open(&sim, "/ws/acme").await;
    let channels = json!(["open", "shut", "club", "nowhere", "stage"]);
    client
        .say(json!({"command": "logon", "seq": 1, "channels": channels, "username": "u", "password": "p"}))
        .await;
    assert_eq!(client.json().await["success"], true);
    assert_eq!(client.json().await["status"], "online");
    let shut = client.json().await;
    assert_eq!(
        (&shut["status"], &shut["error"], &shut["error_type"], &shut["users_online"]),
        (&json!("offline"), &json!("invalid password"), &json!("configuration"), &json!(0))
    );
    assert_eq!(client.json().await["error_type"], "configuration");
    let nowhere = client.json().await;
    assert_eq!((&nowhere["status"], nowhere.get("error")), (&json!("offline"), None));
    client.json().await;
    let mut request = start(2);
    request["channel"] = json!("shut");
    assert_eq!(client.ask(request).await["error"], "channel is not ready");
    // A talker who is not approved starts and is not heard.
    let mut star = Client::open(&sim, "/ws/acme").await;
    star.say(json!({"command": "logon", "seq": 1, "channel": "stage", "username": "star", "password": "p"}))
        .await;
    star.all().await;
    client.all().await;
    let mut request = start(3);
    request["channel"] = json!("stage");
    assert!(client.ask(request).await["stream_id"].is_u64());
    star.is_quiet().await;
}

#[tokio::test(start_paused = true)]
async fn offline_comes_before_online_if_asked_for() {
    let sim = server("offline_first = true");
    let mut client = Client::open(&sim, "/ws").await;
    client.say(logon("a")).await;
    assert_eq!(client.json().await["success"], true);
    let first = client.json().await;
    assert_eq!((&first["status"], &first["users_online"]), (&json!("offline"), &json!(0)));
    assert_eq!(client.json().await["status"], "online");
}

#[tokio::test(start_paused = true)]
async fn names_may_be_of_any_script() {
    let sim = open_server();
    let mut rx = Client::open(&sim, "/ws").await;
    let logon = |name| json!({"command": "logon", "seq": 1, "channel": "Пожарные 消防 🚒", "username": name, "password": "p"});
    rx.say(logon("ö")).await;
    rx.all().await;
    let mut tx = Client::open(&sim, "/ws").await;
    tx.say(logon("é")).await;
    tx.all().await;
    assert_eq!(rx.json().await["channel"], "Пожарные 消防 🚒");
    tx.start().await;
    assert_eq!(rx.json().await["from"], "é");
}

#[tokio::test(start_paused = true)]
async fn strict_parsers_can_be_served() {
    let sim = server("omit_for = true\nstream_key = true\nempty_message_fails = true");
    let mut rx = Client::logged_on(&sim, "rx").await;
    let mut tx = Client::logged_on(&sim, "tx").await;
    rx.json().await;
    let id = tx.start().await;
    let begun = rx.json().await;
    assert!(begun.get("for").is_none() && begun["key"].is_string(), "{begun}");
    assert_eq!(tx.ask(stop(id, 3)).await, json!({"error": "empty message", "seq": 3}));
}

//! Help that teaches, versions, and exit codes for scripts.

#[path = "support/program.rs"]
mod program;

use program::run;

macro_rules! help {
    ($($test:ident: $name:literal, $args:expr;)*) => {$(
        #[test]
        fn $test() {
            let said = run(&$args);
            assert_eq!(said.code, Some(0));
            assert_eq!(said.stderr, "");
            insta::assert_snapshot!(concat!("help-", $name), said.stdout);
        }
    )*};
}

help! {
    the_program_explains_itself: "program", ["--help"];
    run_explains_itself: "run", ["run", "--help"];
    check_explains_itself: "check", ["check", "--help"];
    selftest_explains_itself: "selftest", ["selftest", "--help"];
    devices_explains_itself: "devices", ["devices", "--help"];
    boards_explains_itself: "boards", ["boards", "--help"];
    demo_explains_itself: "demo", ["demo", "--help"];
    sim_explains_itself: "sim", ["sim", "--help"];
    token_explains_itself: "token", ["token", "--help"];
    ptt_off_explains_itself: "ptt-off", ["ptt", "off", "--help"];
}

#[test]
fn the_version_names_libopus() {
    let said = run(&["--version"]);
    assert_eq!(said.code, Some(0));
    let rest = said.stdout.strip_prefix(concat!("zello-gateway ", env!("CARGO_PKG_VERSION"), " (libopus "));
    assert!(rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit())), "{}", said.stdout);
}

#[test]
fn a_wrong_command_line_ends_with_2_and_says_why() {
    let wrong: [&[&str]; 8] = [
        &[],
        &["no-such-command"],
        &["run"],
        &["check"],
        &["check", "a.toml", "b.toml"],
        &["token"],
        &["token", "--issuer", "x"],
        &["token", "--issuer", "x", "--key", "k", "--lifetime-seconds", "0"],
    ];
    for args in wrong {
        let said = run(args);
        assert_eq!(said.code, Some(2), "{args:?}");
        assert!(said.stderr.contains("--help"), "{args:?}: {}", said.stderr);
        assert_eq!(said.stdout, "", "{args:?}");
    }
}

#[test]
fn a_misspelt_command_is_told_the_nearest() {
    let said = run(&["chekc", "gw.toml"]);
    assert!(said.stderr.contains("'check'"), "{}", said.stderr);
}

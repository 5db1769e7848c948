//! The simulator starts. Its being here also makes `cargo test` build it, which the tests of the whole project run.

#[test]
#[expect(clippy::expect_used, reason = "a test fails by panicking")]
fn it_tells_its_version() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_forewarn-dataset")).arg("--version").output();
    let output = output.expect("the simulator was built for this test");
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("forewarn-dataset "));
}

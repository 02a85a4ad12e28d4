//! How a master starts where it cannot, and how it ends.

use tonic::Code;

use super::*;

#[tokio::test]
async fn a_port_in_use_is_named_with_what_to_do() {
    let master = TestMaster::start().await;
    let error = bind(master.address).await.unwrap_err().to_string();
    assert_eq!(
        error,
        format!(
            "{} is in use: another master? Choose another address with --listen",
            master.address
        )
    );
}

#[tokio::test]
async fn a_data_directory_in_use_is_named_with_what_to_do() {
    let master = TestMaster::start().await;
    // It is ready, so it has its folder.
    master.get("/readyz").await;
    let config = MasterConfig {
        listen: "127.0.0.1:0".to_owned(),
        data: master.folder.path().join("master"),
        ..MasterConfig::default()
    };
    let settings = config.validate().unwrap();
    let listener = bind(settings.listen).await.unwrap();
    let error = run(settings, listener, CancellationToken::new(), |_| {
        panic!("it runs")
    })
    .await
    .unwrap_err()
    .to_string();
    assert!(error.contains("is in use by another master"), "{error}");
}

#[tokio::test]
async fn peers_are_told_that_the_master_goes_down_and_the_next_term_is_a_later_one() {
    let master = TestMaster::start().await;
    let mut scheduler = TestScheduler::connect(&master).await;
    let mut agent = TestAgent::connect(&master).await;
    let folder = master.stop().await;
    for error in [
        scheduler.event().await.unwrap_err(),
        agent.event().await.unwrap_err(),
    ] {
        assert_eq!(error.code(), Code::Unavailable, "{error}");
        assert!(error.message().contains("going down"), "{error}");
    }
    let master = TestMaster::start_in(folder, |_| {}).await;
    let (_, metrics) = master.get("/metrics").await;
    assert!(metrics.contains("stoker_master_epoch 2"), "{metrics}");
}

#[tokio::test]
async fn idle_connections_do_not_hold_up_the_end() {
    let master = TestMaster::start().await;
    let _idle = TcpStream::connect(master.address).await.unwrap();
    let _http2 = master.channel().await;
    let mut half = TcpStream::connect(master.address).await.unwrap();
    half.write_all(b"GET / HT").await.unwrap();
    master.stop().await;
}

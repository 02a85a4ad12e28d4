//! The services around the services: health, reflection, HTTP on the same port, strange requests.

use tokio_stream::StreamExt as _;
use tonic::Code;
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};

use super::*;

#[tokio::test]
async fn reflection_lists_every_service() {
    let master = TestMaster::start().await;
    let mut client = ServerReflectionClient::new(master.channel().await);
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let answers = client
        .server_reflection_info(tokio_stream::iter([request]))
        .await
        .unwrap();
    let answer = within("an answer", answers.into_inner().next())
        .await
        .unwrap()
        .unwrap();
    let Some(MessageResponse::ListServicesResponse(list)) = answer.message_response else {
        panic!("no list: {answer:?}");
    };
    let mut names: Vec<String> = list
        .service
        .into_iter()
        .map(|service| service.name)
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "grpc.health.v1.Health",
            "grpc.reflection.v1.ServerReflection",
            "stoker.v1.AgentService",
            "stoker.v1.ArtifactService",
            "stoker.v1.OperatorService",
            "stoker.v1.SchedulerService",
        ]
    );
}

#[tokio::test]
async fn every_service_is_serving() {
    let master = TestMaster::start().await;
    let mut client = HealthClient::new(master.channel().await);
    for service in ["", "stoker.v1.SchedulerService", "stoker.v1.AgentService"] {
        let request = HealthCheckRequest {
            service: service.to_owned(),
        };
        let answer = client.check(request).await.unwrap().into_inner();
        assert_eq!(answer.status().as_str_name(), "SERVING", "{service:?}");
    }
}

#[tokio::test]
async fn http_is_served_on_the_same_port() {
    let master = TestMaster::start().await;
    let (code, body) = master.get("/healthz").await;
    assert_eq!((code, body.as_str()), (200, "ok\n"));
    assert_eq!(master.get("/readyz").await.0, 200);
    let (code, body) = master.get("/metrics").await;
    assert_eq!(code, 200);
    assert!(body.contains("stoker_master_epoch 1"), "{body}");
    assert_eq!(master.get("/nowhere").await.0, 404);
}

#[tokio::test]
async fn an_unknown_method_is_refused_as_grpc_refuses() {
    let master = TestMaster::start().await;
    let mut client = tonic::client::Grpc::new(master.channel().await);
    client.ready().await.unwrap();
    let codec: tonic_prost::ProstCodec<v1::TaskKey, v1::TaskKey> = tonic_prost::ProstCodec::new();
    let path = tonic::codegen::http::uri::PathAndQuery::from_static("/stoker.v1.NoService/Do");
    let request = tonic::Request::new(v1::TaskKey::default());
    let error = client.unary(request, path, codec).await.unwrap_err();
    assert_eq!(error.code(), Code::Unimplemented);
    assert!(
        error.message().contains("/stoker.v1.NoService/Do"),
        "{error}"
    );
}

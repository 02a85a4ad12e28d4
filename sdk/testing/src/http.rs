//! The smallest HTTP client: one GET, on a connection of its own, blocking.
//!
//! Enough for a cluster's JSON on loopback; in no way for anything else.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use anyhow::{Context as _, bail};

/// How long a server may take for each read.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The status and the body of `url`.
pub(crate) fn get(url: &str) -> anyhow::Result<(u16, String)> {
    let address_and_path = url
        .strip_prefix("http://")
        .with_context(|| format!("{url} is no http:// URL"))?;
    let (address, path) = address_and_path
        .split_once('/')
        .unwrap_or((address_and_path, ""));
    let mut stream =
        TcpStream::connect(address).with_context(|| format!("cannot reach {address}"))?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    // HTTP/1.0: the body ends with the connection and comes in one piece.
    let request = format!("GET /{path} HTTP/1.0\r\nHost: {address}\r\nAccept: */*\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut response = Vec::new();
    stream
        .read_to_end(&mut response)
        .with_context(|| format!("{url} broke off"))?;
    let response = String::from_utf8_lossy(&response);
    let Some((head, body)) = response.split_once("\r\n\r\n") else {
        bail!("{url} answered no HTTP");
    };
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .with_context(|| format!("{url} answered no HTTP: {head:?}"))?;
    Ok((status, body.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, thread};

    use super::*;

    #[test]
    fn a_status_and_a_body_come_back() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 1024];
            let count = stream.read(&mut request).unwrap();
            let answer =
                "HTTP/1.1 404 Not Found\r\ncontent-type: text/plain\r\n\r\nnone\r\n\r\nhere";
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8_lossy(&request[..count]).into_owned()
        });
        let (status, body) = get(&format!("http://{address}/a/b?c=d")).unwrap();
        assert_eq!((status, body.as_str()), (404, "none\r\n\r\nhere"));
        assert!(
            server
                .join()
                .unwrap()
                .starts_with("GET /a/b?c=d HTTP/1.0\r\n")
        );
    }
}

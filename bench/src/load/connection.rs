//! One keep-alive connection with one request in flight.

use std::io;
use std::net::SocketAddr;
use std::ops::Range;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::answer::{self, LARGEST_BODY, Malformed, Parsed};

/// A connection and its receive buffer, which is reused for every answer.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// A complete answer, readable until the next exchange.
pub(crate) struct Answer<'a> {
    /// The status code.
    pub(crate) status: u16,
    /// Status line and headers.
    pub(crate) head: &'a [u8],
    /// The body, maybe empty.
    pub(crate) body: &'a [u8],
}

impl Connection {
    /// Connects without Nagle's delay.
    pub(crate) async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: vec![0; 4096] })
    }

    /// Sends one prebuilt request and waits for its whole answer. After an error the connection must not be used again.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> io::Result<Answer<'_>> {
        self.stream.write_all(request).await?;
        let (status, body) = self.receive().await?;
        Ok(Answer { status, head: &self.buffer[..body.start], body: &self.buffer[body] })
    }

    async fn receive(&mut self) -> io::Result<(u16, Range<usize>)> {
        let mut filled = 0;
        loop {
            let read = self.stream.read(&mut self.buffer[filled..]).await?;
            if read == 0 {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed the connection"));
            }
            filled += read;
            match answer::parse(&self.buffer[..filled]) {
                Ok(Parsed::Complete { status, body }) => return Ok((status, body)),
                Ok(Parsed::Partial) if filled == self.buffer.len() => self.grow()?,
                Ok(Parsed::Partial) => {}
                Err(Malformed(reason)) => return Err(io::Error::new(io::ErrorKind::InvalidData, reason)),
            }
        }
    }

    fn grow(&mut self) -> io::Result<()> {
        if self.buffer.len() > LARGEST_BODY {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "an answer without an end"));
        }
        self.buffer.resize(self.buffer.len() * 2, 0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    async fn exchange_with(pieces: Vec<Vec<u8>>) -> io::Result<(u16, Vec<u8>)> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 4];
            stream.read_exact(&mut request).await.unwrap();
            stream.set_nodelay(true).unwrap();
            for piece in pieces {
                stream.write_all(&piece).await.unwrap();
                // Lets the reader take this piece alone: both run on one thread.
                tokio::task::yield_now().await;
            }
        });
        let mut connection = Connection::open(address).await?;
        let answer = connection.exchange(b"ping").await.map(|answer| (answer.status, answer.body.to_vec()));
        server.await.unwrap();
        answer
    }

    #[tokio::test]
    async fn an_answer_that_arrives_byte_by_byte_is_put_together() {
        let bytes = b"HTTP/1.1 401 No\r\ncontent-length: 3\r\n\r\nabc";
        let pieces = bytes.iter().map(|&byte| vec![byte]).collect();
        assert_eq!(exchange_with(pieces).await.unwrap(), (401, b"abc".to_vec()));
    }

    #[tokio::test]
    async fn an_answer_larger_than_the_buffer_is_read_whole() {
        let body = vec![b'x'; 100_000];
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len()).into_bytes();
        assert_eq!(exchange_with(vec![head, body.clone()]).await.unwrap(), (200, body));
    }

    #[tokio::test]
    async fn a_connection_closed_in_the_middle_is_an_error() {
        let pieces = vec![b"HTTP/1.1 200 OK\r\ncontent-length: 30\r\n\r\nabc".to_vec()];
        let error = exchange_with(pieces).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}

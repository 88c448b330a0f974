/// A certificate that nobody vouches for, made for these tests by
/// `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 36500 -subj /CN=localhost`.
enum TestCertificate {
  /// The certificate and its key.
  static let pem = """
    -----BEGIN CERTIFICATE-----
    MIIBfjCCASWgAwIBAgIUMONhyGRMjprwRC1ajdGWvQ0JQ0AwCgYIKoZIzj0EAwIw
    FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyODE3MDQxN1oYDzIxMjYxMTA0
    MTcwNDE3WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
    PQMBBwNCAATY/6XKONHvz7hcleuE5TvswKGqusmiRU7xAH61YX0O3NX+yKG2K/tX
    nGbPRBZ40PQoUYxH5s4Lrfv5eUprw0DHo1MwUTAdBgNVHQ4EFgQUl3cJhFOBwXgP
    Nw8kSoBUuHq4e+kwHwYDVR0jBBgwFoAUl3cJhFOBwXgPNw8kSoBUuHq4e+kwDwYD
    VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNHADBEAiAq/0g+/WeRBpWMXtYh/VvG
    agjHVfpcdYvtgKKaKU/I1QIgdfvy2+/6fpHe0SDQgIEg6H/eBeUVUVqN/uZygrB6
    BA8=
    -----END CERTIFICATE-----
    -----BEGIN PRIVATE KEY-----
    MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgu31D7QlXwqE8Mxga
    zqvNE3xMOsFukR0TQpwpwd4eFhehRANCAATY/6XKONHvz7hcleuE5TvswKGqusmi
    RU7xAH61YX0O3NX+yKG2K/tXnGbPRBZ40PQoUYxH5s4Lrfv5eUprw0DH
    -----END PRIVATE KEY-----
    """
}

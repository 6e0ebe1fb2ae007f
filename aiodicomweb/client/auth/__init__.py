"""Authentication: flows without I/O, and what carries them out.

The kinds of credentials, each in a module of its own:

- ``basic``: a user name and a password;
- ``bearer``: a token, fixed or from a function;
- ``oauth2``: tokens from a token endpoint (client credentials);
- ``google``: Google's credentials, by the package google-auth;
- ``aws``: signatures of AWS, by the package botocore.

``flow`` says what a flow is, ``renewal`` keeps what expires, and ``authenticator`` does what flows
ask for. Credentials go to the origins that the client was made for, and to no other, whatever URLs
a server hands out (RFC 9110 §15.4); who calls the authenticator sees to that.
"""

from __future__ import annotations

from .authenticator import Authenticator, Send
from .aws import AwsCredentials, AwsKeys, AwsSigV4Auth
from .basic import BasicAuth
from .bearer import AccessToken, BearerAuth, TokenSource
from .flow import Alone, Auth, Fetch, Flow, Run, Step, Subflow, authorized
from .google import GoogleAuth
from .oauth2 import ClientAuthentication, OAuth2ClientCredentials, TokenEndpointBusy

__all__ = [
    "AccessToken",
    "Alone",
    "Auth",
    "Authenticator",
    "AwsCredentials",
    "AwsKeys",
    "AwsSigV4Auth",
    "BasicAuth",
    "BearerAuth",
    "ClientAuthentication",
    "Fetch",
    "Flow",
    "GoogleAuth",
    "OAuth2ClientCredentials",
    "Run",
    "Send",
    "Step",
    "Subflow",
    "TokenEndpointBusy",
    "TokenSource",
    "authorized",
]

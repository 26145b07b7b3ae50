"""An authenticated client of the platform API, from the environment."""

import os
import sys

import PureCloudPlatformClientV2 as genesys_cloud


def connect():
    try:
        client_id, secret = os.environ["GENESYS_CLIENT_ID"], os.environ["GENESYS_CLIENT_SECRET"]
    except KeyError as missing:
        sys.exit(f"set {missing.args[0]}: an OAuth client of the kind client credentials")
    host = os.environ.get("GENESYS_API", "https://api.mypurecloud.com")
    # One host for the client, one for the models' defaults.
    genesys_cloud.configuration.host = host
    return genesys_cloud.api_client.ApiClient(host=host).get_client_credentials_token(client_id, secret)

"""The Jupyter server extension: what JupyterLab asks for, over HTTP, below `/nb2flow/v1/`.

A shell like the command line: a handler decodes a request, calls `nb2flow.app`, encodes the answer. `api` says what
goes over the wire, `routes` which routes there are; the OpenAPI document and the front end's types are made of these,
and none of them needs Jupyter. Tornado and Jupyter Server are imported by `extension` and the handlers, nowhere else.
"""

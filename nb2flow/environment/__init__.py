"""What a notebook needs to run elsewhere: its imports, the distributions behind them, a lock, an image. Pure.

The way is one of values: `imports` reads code, `sources` follows modules that lie beside the notebook, `resolve` joins
both with what an interpreter answered about its packages (`installed`), `lock` pins that and all it requires,
`containerfile` writes the image down. Who asks interpreters and reads files is `nb2flow.app.environment`.
"""

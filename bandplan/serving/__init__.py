"""The domain of LLM serving: the declared fleet (`spec`), its sizing (`throughput`) and the live workspace
(`workspace`).

`endpoint` compares the declared endpoint with the live one, and `editing` changes the text of models.yaml.

`planning` combines them in one order for every command.

Belongs here: types and rules that know the platform. Does not belong here: Pulumi, command lines, the stub.
May import: nothing of ours outside this package; workspace -> throughput, endpoint, editing -> spec within it; `rest`,
`wire` and, for the token of a job, `forge`.
"""

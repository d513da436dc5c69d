from bandplan.plugin.urn import resource_type, stack_of


def test_type_of_a_child_is_its_own_not_its_parents() -> None:
    urn = (
        "urn:pulumi:local::bandplan::bandplan:index:Fleet$bandplan:index:Endpoint$bandplan:index:EndpointReady::a-ready"
    )

    assert resource_type(urn) == "bandplan:index:EndpointReady"


def test_type_of_a_resource_without_parents_is_found_too() -> None:
    assert resource_type("urn:pulumi:local::bandplan::pulumi:pulumi:Stack::bandplan-local") == "pulumi:pulumi:Stack"


def test_a_urn_names_the_stack() -> None:
    assert stack_of("urn:pulumi:prod::bandplan::bandplan:index:Fleet$bandplan:index:EndpointReady::chat") == "prod"

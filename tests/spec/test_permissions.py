"""Who may use an endpoint: principals that can be given a permission."""

import pytest

from .conftest import ENTRY, Load, OnlyProblem

APPLICATION = "6f1b7c9e-0000-4000-8000-00000000000a"


def entry(*rows: str) -> str:
    return ENTRY + "    permissions:\n" + "".join(f"      - {{{row}, permission_level: CAN_QUERY}}\n" for row in rows)


@pytest.mark.parametrize("group", ["admins", "Admins", '" admins"'])
def test_group_of_administrators_cannot_be_given_a_level(load: Load, only_problem: OnlyProblem, group: str) -> None:
    problem = only_problem(load(entry("group_name: support-apps", f"group_name: {group}")), "principal")
    assert problem.path == "models/support-chat/permissions/1/group_name"
    assert "remove this permission" in problem.next_step


def test_administrators_in_defaults_are_refused_there(load: Load, only_problem: OnlyProblem) -> None:
    top = "defaults: {permissions: [{group_name: admins, permission_level: CAN_MANAGE}]}\n"
    assert only_problem(load(top=top), "principal").path == "defaults/permissions/0/group_name"


@pytest.mark.parametrize(
    ("row", "key", "step"),
    [
        ("service_principal_name: backend prod sp", "service_principal_name", "application id"),
        ("service_principal_name: backend-prod-sp", "service_principal_name", "application id"),
        ("service_principal_name: ana@example.com", "service_principal_name", "`user_name: ana@example.com`"),
        ("user_name: backend-sp", "user_name", "email address"),
        ("user_name: mailto:ana@example.com", "user_name", "email address"),
        ('user_name: "<ana@example.com>"', "user_name", "email address"),
        ('user_name: "ana@example.com,"', "user_name", "email address"),
        ('group_name: "analysts "', "group_name", "`group_name: analysts`"),
        (f"user_name: {APPLICATION}", "user_name", f"`service_principal_name: {APPLICATION}`"),
    ],
)
def test_principal_that_is_not_an_id_is_refused_with_what_to_write(
    load: Load, only_problem: OnlyProblem, row: str, key: str, step: str
) -> None:
    problem = only_problem(load(entry(row)), "principal")
    assert problem.path == f"models/support-chat/permissions/0/{key}" and step in problem.next_step


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("user_name: jane.doe@example.com", "user_name: jane.doe@example.com"),
        ("user_name: jane.doe@example.com", "user_name: Jane.Doe@Example.com"),
        (f"service_principal_name: {APPLICATION}", f"service_principal_name: {APPLICATION.upper()}"),
        ("group_name: apps", "group_name: apps"),
    ],
)
def test_principal_twice_in_a_list_is_refused_whatever_its_letter_case(
    load: Load, only_problem: OnlyProblem, first: str, second: str
) -> None:
    problem = only_problem(load(entry(first, "group_name: others", second)), "duplicate-principal")
    assert problem.path.startswith("models/support-chat/permissions/2/") and "item 1" in problem.finding


@pytest.mark.parametrize(
    "rows",
    [
        ("group_name: apps", "group_name: Apps"),
        ("group_name: a@example.com", "user_name: a@example.com"),
        ("user_name: Jane.Doe@Example.com", f"service_principal_name: {APPLICATION}"),
    ],
)
def test_different_principals_are_no_problem(load: Load, rows: tuple[str, ...]) -> None:
    assert load(entry(*rows)).problems == ()


@pytest.mark.parametrize("place", ["entry", "defaults"])
def test_budget_policy_is_named_by_its_id(load: Load, only_problem: OnlyProblem, place: str) -> None:
    if place == "entry":
        loaded = load(f"{ENTRY}    budget_policy_id: my-budget-policy\n")
    else:
        loaded = load(top="defaults: {budget_policy_id: my-budget-policy}\n")
    assert "the policy's id" in only_problem(loaded, "budget-policy").next_step


def test_principal_that_is_granted_privileges_twice_is_refused(load: Load, only_problem: OnlyProblem) -> None:
    grants = "[{principal: Ana@example.com, privileges: [EXECUTE]}, {principal: ana@example.com, privileges: [MANAGE]}]"
    text = f"register: {{name: ml.own.tuned, source: runs:/1/m, grants: {grants}}}"
    old = 'model: system.ai.llama_v3_3_70b_instruct\n    version: "1"'
    problem = only_problem(load(ENTRY.replace(old, text)), "duplicate-principal")
    assert problem.path == "models/support-chat/register/grants/1/principal"

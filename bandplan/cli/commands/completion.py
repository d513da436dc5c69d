"""`bandplan completion`: a script that lets the shell complete commands, options, stacks and endpoints.

The script calls `bandplan completion SHELL WORDS...` at each Tab, so that names are those of the project at the time.
"""

import argparse

SCRIPTS = {
    "bash": """\
# bash completion of bandplan; in ~/.bashrc: eval "$(bandplan completion bash)"
_bandplan() {
    local IFS=$'\\n' found
    found=$("${COMP_WORDS[0]}" completion bash "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null) || return
    if [ "$found" = files ]; then
        COMPREPLY=()
        compopt -o default 2>/dev/null
    else
        COMPREPLY=($found)
    fi
}
complete -F _bandplan bandplan
""",
    "zsh": """\
#compdef bandplan
# zsh completion of bandplan; in ~/.zshrc, after compinit: eval "$(bandplan completion zsh)"
_bandplan() {
    local -a found
    found=("${(@f)$("${words[1]}" completion zsh "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    if [[ "$found" = files ]]; then
        _files
    elif [[ -n "$found" ]]; then
        _describe bandplan found
    fi
}
compdef _bandplan bandplan
""",
    "fish": """\
# fish completion of bandplan; in ~/.config/fish/config.fish: bandplan completion fish | source
function __bandplan
    set -l words (commandline -opc) (commandline -ct)
    set -l found ($words[1] completion fish $words[2..-1] 2>/dev/null)
    if test "$found" = files
        __fish_complete_path (commandline -ct)
    else
        string join \\n -- $found
    end
end
complete -c bandplan -f -a '(__bandplan)'
""",
}


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "shell", metavar="SHELL", choices=tuple(SCRIPTS), help="shell to print the script for: bash, zsh or fish"
    )
    # What the script itself passes; argparse would name it as missing, beside SHELL.
    parser.add_argument("words", nargs=argparse.REMAINDER, help=argparse.SUPPRESS).required = False


def run(arguments: argparse.Namespace) -> int:
    if not arguments.words:
        print(SCRIPTS[arguments.shell], end="")
        return 0
    from bandplan.cli.candidates import FILES, candidates

    found = candidates(arguments.words)
    if found and found[0][0] == FILES:
        print("files")
        return 0
    for word, purpose in found:
        print(shown(arguments.shell, word, " ".join(purpose.split()).replace("%%", "%")))
    return 0


def shown(shell: str, word: str, purpose: str) -> str:
    """Format a candidate as the shell's script takes it."""
    if shell == "bash":
        return word
    if shell == "zsh":
        escaped = word.replace("\\", "\\\\").replace(":", "\\:")
        return f"{escaped}:{purpose}" if purpose else escaped
    return f"{word}\t{purpose}" if purpose else word

"""Time redaction on texts that are hard for its patterns: `python -m benchmarks.redaction [--characters 1000000]`.

Each text repeats the start of a pattern and never completes it. Time that grows fourfold for twice the text is a
defect.
"""

import argparse
import time

from bandplan.wire.redaction import redactor

REPEATED = (
    *("eyJ-", "eyJ", "eyJa.", "eyJaaaaaaaaa.b ", "-eyJaaaaaaaa"),
    *("token=,", "token=1", "token", "secret=a;", "password=\"'", "api_", "_pat", "token={{", "token  :  ", "x-token "),
    *("://a:", "://a:b", "://", "bearer ", "basic a ", "Bearer   "),
    *("-----BEGIN PRIVATE KEY", "-----BEGIN ", "-----BEGIN PRIVATE KEY-----", "-----BEGIN PRIVATE KEY----------END "),
    *("dapi", "dapi1", "glpat-", "sk-", "xoxa-", "AKIA", "AIza", "hf_", "ghp_", "github_pat_", "pul-", "a", " ", "\n"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--characters", type=int, default=1_000_000, help="length of the longer text of each pair")
    most: int = parser.parse_args().characters
    print(f"{'repeated':<40}  {most // 2:>11,}  {most:>11,}  ratio")
    for part in REPEATED:
        half, whole = (seconds(part, length) for length in (most // 2, most))
        print(f"{part!r:<40}  {half:>9.3f} s  {whole:>9.3f} s  {whole / half:.1f}")


def seconds(part: str, length: int) -> float:
    """Return the CPU time of one redaction of `part` repeated, between texts that make every pattern run."""
    text = ("private key ://bearer token eyj gl sk- " + part * (length // len(part)))[:length]
    redact = redactor(["correct horse battery"])
    started = time.process_time()
    redact(text)
    return time.process_time() - started


if __name__ == "__main__":
    main()

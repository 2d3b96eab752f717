"""The fuzzer: mutated messages through parser and fills, held against the usual decoders and numpy."""

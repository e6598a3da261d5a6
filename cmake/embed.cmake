# Turns the file IN into a C source OUT that defines SYMBOL and SYMBOL_len.
file(READ "${IN}" hex HEX)
string(LENGTH "${hex}" digits)
math(EXPR bytes "${digits} / 2")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," body "${hex}")
file(WRITE "${OUT}" "#include <stddef.h>\nextern const char ${SYMBOL}[];\nextern const size_t ${SYMBOL}_len;\n"
                    "const char ${SYMBOL}[] = {${body}0x00};\nconst size_t ${SYMBOL}_len = ${bytes};\n")

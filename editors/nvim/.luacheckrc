-- What luacheck is to know of this plugin.
std = 'luajit'
globals = { 'vim', 'T' }
max_line_length = 140
-- A callback's unused arguments say what it is given.
unused_args = false
-- tests/runner.lua gives the specs their helpers and takes the arguments of `nvim -l`.
read_globals = { 'arg' }
exclude_files = { 'lua/callboard/types.lua' }

--- A terminal's screen in a window of another size: rows in, control sequences out. Pure.
---
--- A program has one size and may have several watchers. Where the window has another, what the program draws can't be passed on as
--- it is; its rows are drawn instead, and those that are too long go on in the next line.
local M = {}

local styles = { b = 1, d = 2, i = 3, u = 4, r = 7 }

--- Returns a colour as parameters of SGR.
---@param colour integer|string
---@param base integer 38 for the text, 48 for what is behind it
---@return string
local function colour_of(colour, base)
  if type(colour) == 'number' then
    return (';%d;5;%d'):format(base, colour)
  end
  local r, g, b = tostring(colour):match('^#(%x%x)(%x%x)(%x%x)$')
  if not r or not g or not b then
    return ''
  end
  return (';%d;2;%d;%d;%d'):format(base, tonumber(r, 16), tonumber(g, 16), tonumber(b, 16))
end

--- Returns the sequence that begins a run's look.
---@param run callboard.TerminalRun
---@return string
local function look(run)
  local sgr = '0'
  for style in (run.style or ''):gmatch('.') do
    sgr = sgr .. (styles[style] and ';' .. styles[style] or '')
  end
  if run.fg then
    sgr = sgr .. colour_of(run.fg, 38)
  end
  if run.bg then
    sgr = sgr .. colour_of(run.bg, 48)
  end
  return '\27[' .. sgr .. 'm'
end

--- Puts a row into lines of a width.
---@param runs callboard.TerminalRun[]
---@param width integer
---@return string[]
local function broken(runs, width)
  local lines, used = { '' }, 0
  for _, run in ipairs(runs) do
    local rest = run.text
    while rest ~= '' do
      local whole = vim.fn.strdisplaywidth(rest)
      local part = rest
      if whole > width - used then
        -- As many characters as there is room for; a wide one is not cut in two.
        local count = width - used
        part = vim.fn.strcharpart(rest, 0, count)
        while count > 0 and vim.fn.strdisplaywidth(part) > width - used do
          count = count - 1
          part = vim.fn.strcharpart(rest, 0, count)
        end
      end
      if part == '' and used == 0 then
        break -- Not even one character has room.
      end
      lines[#lines] = lines[#lines] .. look(run) .. part
      used = used + vim.fn.strdisplaywidth(part)
      rest = rest:sub(#part + 1)
      if rest ~= '' then
        table.insert(lines, '')
        used = 0
      end
    end
  end
  return lines
end

--- Returns what draws a screen in a window of another size: the part that has the cursor.
---@param rows table<integer, callboard.TerminalRun[]> by row, from 0
---@param cursor callboard.TerminalCursor
---@param size { rows: integer, columns: integer } of the window
---@return string
function M.draw(rows, cursor, size)
  local lines, at = {}, 1
  local last = math.max(cursor.row, vim.iter(vim.tbl_keys(rows)):fold(0, math.max))
  for row = 0, last do
    local before = #lines
    vim.list_extend(lines, broken(rows[row] or {}, size.columns))
    if row == cursor.row then
      at = math.min(before + 1 + math.floor(cursor.column / size.columns), #lines)
    end
  end
  local top = math.max(0, math.min(at, #lines) - size.rows)
  local out = { '\27[?25l\27[H\27[2J' }
  for i = 1, math.min(size.rows, #lines - top) do
    table.insert(out, ('\27[%d;1H%s\27[0m'):format(i, lines[top + i]))
  end
  local column = math.min(cursor.column % size.columns, size.columns - 1)
  table.insert(out, ('\27[%d;%dH'):format(at - top, column + 1))
  table.insert(out, cursor.visible and '\27[?25h' or '')
  return table.concat(out)
end

return M

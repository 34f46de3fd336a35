--- A buffer that shows blocks of lines, changed only where they changed, so that a reader's cursor stays where it is.
local M = {}

local namespace = vim.api.nvim_create_namespace('callboard')

---@class callboard.View
---@field bufnr integer
---@field blocks callboard.Block[]
---@field starts integer[] the first line of each block, from 0
---@field follow boolean whether a cursor on the last line goes along with what comes

---@type table<integer, callboard.View>
local views = {}

--- Defines the highlight groups by those that every colour scheme has. What a scheme or a person defines stays.
function M.highlights()
  local links = {
    CallboardAgent = 'Function',
    CallboardPerson = 'Identifier',
    CallboardSystem = 'Comment',
    CallboardFaint = 'Comment',
    CallboardId = 'Constant',
    CallboardOk = 'DiagnosticOk',
    CallboardFailed = 'DiagnosticError',
    CallboardWaiting = 'DiagnosticWarn',
    CallboardRunning = 'DiagnosticInfo',
    CallboardDecision = 'Special',
    CallboardUnread = 'DiagnosticInfo',
    CallboardLocked = 'DiagnosticWarn',
  }
  for name, link in pairs(links) do
    vim.api.nvim_set_hl(0, name, { link = link, default = true })
  end
end

--- Makes a buffer for blocks. One of that name is taken again.
---@param name string
---@param filetype string
---@return callboard.View
function M.make(name, filetype)
  M.highlights()
  local bufnr = vim.fn.bufnr('^' .. vim.fn.escape(name, '[]*?\\^$.~') .. '$')
  if bufnr == -1 then
    bufnr = vim.api.nvim_create_buf(false, true)
    vim.api.nvim_buf_set_name(bufnr, name)
  end
  local options = {
    buftype = 'nofile',
    bufhidden = 'hide',
    swapfile = false,
    modifiable = false,
    undolevels = -1,
  }
  for option, value in pairs(options) do
    vim.bo[bufnr][option] = value
  end
  if vim.bo[bufnr].filetype ~= filetype then
    vim.bo[bufnr].filetype = filetype
  end
  views[bufnr] = views[bufnr] or { bufnr = bufnr, blocks = {}, starts = {}, follow = true }
  vim.api.nvim_create_autocmd('BufWipeout', {
    buffer = bufnr,
    once = true,
    callback = function()
      views[bufnr] = nil
    end,
  })
  return views[bufnr]
end

--- Returns the windows that show a view with the cursor on its last line: they go along when lines are added.
---@param view callboard.View
---@return integer[]
local function following(view)
  if not view.follow then
    return {}
  end
  local last = vim.api.nvim_buf_line_count(view.bufnr)
  return vim.tbl_filter(function(win)
    return vim.api.nvim_win_get_cursor(win)[1] >= last
  end, vim.fn.win_findbuf(view.bufnr))
end

--- Shows blocks. A block is the same where it is the same table, so callers keep those that did not change.
---@param view callboard.View
---@param blocks callboard.Block[]
function M.show(view, blocks)
  if not vim.api.nvim_buf_is_valid(view.bufnr) then
    return
  end
  local old = view.blocks
  local same = 0
  while same < #old and same < #blocks and old[same + 1] == blocks[same + 1] do
    same = same + 1
  end
  local tail = 0
  while
    tail < #old - same
    and tail < #blocks - same
    and old[#old - tail] == blocks[#blocks - tail]
  do
    tail = tail + 1
  end
  if same == #old and same == #blocks then
    return
  end
  local followers = following(view)
  local first = same > 0 and view.starts[same] + #old[same].lines or 0
  local count = 0
  for i = same + 1, #old - tail do
    count = count + #old[i].lines
  end
  local lines = {}
  for i = same + 1, #blocks - tail do
    vim.list_extend(lines, blocks[i].lines)
  end
  -- An empty buffer has one empty line, which is no line of ours.
  local stop = #old == 0 and -1 or first + count
  -- Neovim asks for the folds of lines as they are set, so what stands where is known before.
  view.blocks, view.starts = blocks, {}
  local at = 0
  for i, block in ipairs(blocks) do
    view.starts[i] = at
    at = at + #block.lines
  end
  vim.bo[view.bufnr].modifiable = true
  vim.api.nvim_buf_clear_namespace(view.bufnr, namespace, first, stop)
  vim.api.nvim_buf_set_lines(view.bufnr, first, stop, false, lines)
  vim.bo[view.bufnr].modifiable = false
  vim.bo[view.bufnr].modified = false
  for i, block in ipairs(blocks) do
    if i > same and i <= #blocks - tail then
      M.mark(view.bufnr, view.starts[i] --[[@as integer]], block)
    end
  end
  for _, win in ipairs(followers) do
    vim.api.nvim_win_set_cursor(win, { vim.api.nvim_buf_line_count(view.bufnr), 0 })
  end
end

--- Sets a block's highlights.
---@param bufnr integer
---@param at integer
---@param block callboard.Block
function M.mark(bufnr, at, block)
  for _, mark in ipairs(block.marks) do
    vim.api.nvim_buf_set_extmark(bufnr, namespace, at + mark.row, mark.from, {
      end_col = mark.to,
      hl_group = mark.group,
    })
  end
  -- Lines that wrap go on beside the line of their thread.
  for row = 0, block.depth > 0 and #block.lines - 1 or -1 do
    if block.lines[row + 1] ~= '' then
      vim.api.nvim_buf_set_extmark(bufnr, namespace, at + row, 0, {
        virt_text = { { '│', 'CallboardFaint' } },
        virt_text_win_col = 2,
        virt_text_repeat_linebreak = true,
      })
    end
  end
  for _, behind in ipairs(block.ends) do
    vim.api.nvim_buf_set_extmark(bufnr, namespace, at + behind.row, 0, {
      virt_text = { { '  ' .. behind.text, behind.group } },
      virt_text_pos = 'eol',
    })
  end
end

--- Returns the view of a buffer.
---@param bufnr? integer
---@return callboard.View?
function M.of(bufnr)
  return views[bufnr or vim.api.nvim_get_current_buf()]
end

--- Returns the index of the block that a line is in, from 1.
---@param view callboard.View
---@param line integer from 1
---@return integer?
function M.index(view, line)
  local low, high = 1, #view.blocks
  while low <= high do
    local middle = math.floor((low + high) / 2)
    local from = view.starts[middle]
    if line - 1 < from then
      high = middle - 1
    elseif line - 1 >= from + #view.blocks[middle].lines then
      low = middle + 1
    else
      return middle
    end
  end
end

--- Returns the block under the cursor of the current window.
---@return callboard.Block?
function M.here()
  local view = M.of()
  local line = vim.api.nvim_win_get_cursor(0)[1] --[[@as integer]]
  local index = view and M.index(view, line)
  return view and index and view.blocks[index] or nil
end

--- Moves the cursor to the first line of a block some blocks on, or back; only to those that fit.
---@param step integer
---@param fits? fun(block: callboard.Block): boolean
function M.move(step, fits)
  local view = M.of()
  if not view then
    return
  end
  local line = vim.api.nvim_win_get_cursor(0)[1] --[[@as integer]]
  local at = M.index(view, line) or (step > 0 and 0 or #view.blocks + 1)
  if step < 0 and view.starts[at] and line - 1 > view.starts[at] then
    at = at + 1 -- Back goes to the first line of this one first.
  end
  local left = math.max(vim.v.count1, 1)
  local index = at
  while left > 0 do
    index = index + (step > 0 and 1 or -1)
    local block = view.blocks[index]
    if not block then
      return
    end
    if not fits or fits(block) then
      left = left - 1
      at = index
    end
  end
  vim.cmd("normal! m'")
  vim.api.nvim_win_set_cursor(0, { view.starts[at] + 1, 0 })
end

--- Returns the fold level of a line: answers in a thread fold below its first message.
---@param line integer
---@return string
function M.fold(line)
  local view = M.of()
  local index = view and M.index(view, line)
  if not view or not index then
    return '0'
  end
  local block = view.blocks[index]
  if block.depth == 0 then
    return '0'
  end
  local before = view.blocks[index - 1]
  if line - 1 == view.starts[index] and (not before or before.depth == 0) then
    return '>1'
  end
  return '1'
end

--- Returns what a closed fold shows.
---@return string|{ [1]: string, [2]: string }[]
function M.foldtext()
  local view = M.of()
  local from = view and M.index(view, vim.v.foldstart)
  local to = view and M.index(view, vim.v.foldend)
  if not view or not from or not to then
    return vim.fn.foldtext()
  end
  local count = to - from + 1
  local words = count == 1 and '1 answer' or count .. ' answers'
  local last = view.blocks[to]
  if last.by then
    words = ('%s%s by %s'):format(words, count == 1 and '' or ', the last', last.by)
  end
  return { { '  ▸ ' .. words, 'CallboardFaint' } }
end

--- Closes the folds of threads for which a function says so, in all windows of a view.
---@param view callboard.View
---@param fits fun(root: callboard.Block): boolean
function M.close(view, fits)
  for _, win in ipairs(vim.fn.win_findbuf(view.bufnr)) do
    vim.api.nvim_win_call(win, function()
      local saved = vim.fn.winsaveview()
      for i, block in ipairs(view.blocks) do
        local after = view.blocks[i + 1]
        if block.depth == 0 and after and after.depth > 0 and fits(block) then
          local line = view.starts[i + 1] + 1
          if vim.fn.foldclosed(line) == -1 then
            vim.cmd('silent! ' .. line .. 'foldclose')
          end
        end
      end
      vim.fn.winrestview(saved)
    end)
  end
end

return M

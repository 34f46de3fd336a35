--- A window with text that is only read, for details.
local M = {}

--- Shows lines in a window that `q` closes.
---@param opts { name: string, lines: string[], filetype: string?, layout: 'float'|'split'|'tab'? }
---@return integer bufnr
function M.show(opts)
  local bufnr = vim.fn.bufnr('^' .. vim.fn.escape(opts.name, '[]*?\\^$.~') .. '$')
  if bufnr == -1 then
    bufnr = vim.api.nvim_create_buf(false, true)
    vim.api.nvim_buf_set_name(bufnr, opts.name)
  end
  vim.bo[bufnr].buftype = 'nofile'
  vim.bo[bufnr].bufhidden = 'wipe'
  vim.bo[bufnr].swapfile = false
  vim.bo[bufnr].modifiable = true
  vim.api.nvim_buf_set_lines(bufnr, 0, -1, false, opts.lines)
  vim.bo[bufnr].modifiable = false
  vim.bo[bufnr].filetype = opts.filetype or ''
  vim.keymap.set(
    'n',
    'q',
    '<Cmd>close<CR>',
    { buffer = bufnr, nowait = true, desc = 'Callboard: close' }
  )
  require('callboard.channel').window(bufnr, opts.layout or 'float', 20)
  return bufnr
end

--- Shows a few lines in the middle, as wide as they are, beside what the person does. Whoever shows them closes them.
---@param lines string[]
---@param title string
---@return integer win
function M.beside(lines, title)
  local bufnr = vim.api.nvim_create_buf(false, true)
  vim.bo[bufnr].bufhidden = 'wipe'
  vim.api.nvim_buf_set_lines(bufnr, 0, -1, false, lines)
  vim.bo[bufnr].modifiable = false
  local width = vim.iter(lines):fold(#title + 2, function(most, line)
    return math.max(most, vim.fn.strdisplaywidth(line))
  end)
  width = math.min(width, vim.o.columns - 4)
  local height = math.min(#lines, vim.o.lines - 6)
  local win = vim.api.nvim_open_win(bufnr, false, {
    relative = 'editor',
    width = width,
    height = height,
    row = math.floor((vim.o.lines - height) / 2) - 1,
    col = math.floor((vim.o.columns - width) / 2),
    border = 'rounded',
    style = 'minimal',
    title = ' ' .. title .. ' ',
  })
  vim.wo[win].wrap = true
  vim.wo[win].breakindent = true
  return win
end

--- Shows a few lines in the middle and goes there; any of q, <Esc> and <CR> closes them.
---@param lines string[]
---@param title string
function M.small(lines, title)
  local win = M.beside(lines, title)
  local bufnr = vim.api.nvim_win_get_buf(win)
  vim.api.nvim_set_current_win(win)
  for _, key in ipairs({ 'q', '<Esc>', '<CR>' }) do
    vim.keymap.set('n', key, '<Cmd>close<CR>', { buffer = bufnr, nowait = true })
  end
end

return M

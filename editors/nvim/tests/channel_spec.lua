-- Channels in windows, threads folded, and what completes in a message.
local it, eq, has, wait = T.it, T.eq, T.has, T.wait
local H = T.helpers
local world, press, paused = H.world, H.press, H.paused
local callboard = T.callboard

it('a channel in two tabs: each window follows, or stays where its reader is', function()
  local w = world()
  T.told()
  w:edit('notes.md')
  for i = 1, 12 do
    w:callboard({ 'channel', 'post', 'message ' .. i })
  end
  callboard('channel tab')
  wait('the channel', function()
    return vim.bo.filetype == 'callboard' and T.text():find('message 12', 1, true)
  end)
  local reader = vim.api.nvim_get_current_win()
  vim.api.nvim_win_set_cursor(reader, { 3, 0 })
  vim.cmd('tabfirst')
  callboard('channel vsplit')
  local follower = wait('the second window', function()
    local win = vim.api.nvim_get_current_win()
    return vim.bo.filetype == 'callboard' and win ~= reader and win
  end)
  eq(#vim.fn.win_findbuf(vim.api.nvim_get_current_buf()), 2)
  vim.cmd('normal! G')
  vim.cmd('wincmd p')
  local where = vim.api.nvim_get_current_win()
  w:callboard({ 'channel', 'post', 'one more' })
  local bufnr = vim.api.nvim_win_get_buf(follower)
  wait('the message', function()
    return T.text(bufnr):find('one more', 1, true)
  end)
  eq(vim.api.nvim_win_get_cursor(follower)[1], vim.api.nvim_buf_line_count(bufnr), 'it follows')
  eq(vim.api.nvim_win_get_cursor(reader), { 3, 0 }, 'the reader’s cursor stays')
  eq(vim.api.nvim_get_current_win(), where, 'the person stays where they are')
end)

it('a channel in a float, closed by its key', function()
  local w = world()
  T.told()
  w:edit('notes.md')
  callboard('channel float')
  wait('the float', function()
    return vim.bo.filetype == 'callboard' and vim.api.nvim_win_get_config(0).relative == 'editor'
  end)
  press('q')
  eq(vim.api.nvim_win_get_config(0).relative, '')
end)

it(
  'threads in which nothing goes on are folded when a channel is opened, and open by a key',
  function()
    local w = world()
    T.told()
    w:edit('notes.md')
    w:callboard({ 'channel', 'post', '@lint look at notes.md' })
    wait('the first thread', function()
      return w:callboard({ 'channel', 'show', '--json' }):find('2 findings', 1, true)
    end)
    callboard('run tidy')
    paused(w, 'p1')
    w:callboard({ 'channel', 'post', 'and something else' })
    callboard('channel')
    local bufnr = wait('the channel', function()
      return vim.bo.filetype == 'callboard' and vim.api.nvim_get_current_buf()
    end)
    local first = wait('the first answer', function()
      for i, line in ipairs(vim.api.nvim_buf_get_lines(bufnr, 0, -1, false)) do
        if line:find('2 findings', 1, true) then
          return i
        end
      end
    end)
    wait('its thread to be folded', function()
      return vim.fn.foldclosed(first) ~= -1
    end)
    has(vim.fn.foldtextresult(first), '▸ 1 answer by @lint')
    local waits = vim.fn.search('◆ p1', 'n')
    assert(waits > 0)
    eq(vim.fn.foldclosed(waits), -1, 'what waits is open')
    vim.api.nvim_win_set_cursor(0, { first, 0 })
    press('zo')
    eq(vim.fn.foldclosed(first), -1)
    -- What comes does not close or open anything.
    press('zM')
    w:callboard({ 'channel', 'post', 'again' })
    wait('the message', function()
      return T.text(bufnr):find('again', 1, true)
    end)
    assert(vim.fn.foldclosed(first) ~= -1)
  end
)

it('names, channels, commands and paths complete by omnifunc, as they are typed', function()
  local w = world()
  T.told()
  local child = T.child(w:cmd())
  child.there('vim.cmd.edit((...)) vim.cmd("Callboard post")', w.workspace .. '/notes.md')
  wait('the composer', function()
    return child.there('return vim.bo.filetype') == 'callboard-compose'
  end)
  --- Types a text and returns the lines that the menu offers to make of it.
  local function offers(keys, text)
    local words, typed = {}, 0
    wait('what completes ' .. text, function()
      -- A server that is too slow is not waited for, and then the person asks again.
      if vim.uv.now() - typed > 3000 then
        child.types('<Esc>0Di' .. keys)
        typed = vim.uv.now()
      end
      local menu = child.there([[
        local line, column = vim.api.nvim_get_current_line(), vim.api.nvim_win_get_cursor(0)[2]
        return { vim.fn.complete_info({ 'items', 'pum_visible' }), line, column }
      ]])
      if #menu[1].items == 0 or menu[2] ~= text then
        return false
      end
      local before = menu[2]:sub(1, require('callboard.complete').start(menu[2]))
      words = vim.tbl_map(function(item)
        return before .. item.word
      end, menu[1].items)
      return true
    end)
    return words
  end
  -- What these begin completes by itself; elsewhere CTRL-X CTRL-O does.
  has(table.concat(offers('ask @', 'ask @'), '\n'), 'ask @autofix')
  has(table.concat(offers('see #', 'see #'), '\n'), 'see #main')
  has(table.concat(offers('/', '/'), '\n'), '/review')
  has(table.concat(offers('look at ./not<C-x><C-o>', 'look at ./not'), '\n'), 'notes.md')
  has(table.concat(offers('see notes.<C-x><C-o>', 'see notes.'), '\n'), 'see notes.md')
  has(table.concat(offers('é @aut<C-x><C-o>', 'é @aut'), '\n'), 'é @autofix')
end)

-- What several specs need: a workspace with a workflow that stops, and the page of its pause.
local T = _G.T
local H = {}

H.NOTES = '# Rounds   \n\nStart at the station.\nEnd at the depot. \t\n'

-- Fixes, then asks whether the fix is to be kept, then looks again.
local TIDY = [[
title: Tidy
category: build
description: Fixes what the linter can, and asks.
inputs:
  focus: { type: text, default: "" }
roles:
  fixer: { prefer: [autofix], good-for: fix, access: write }
steps:
  - { id: fix, title: Fix, role: fixer, result: change, paths: '"notes.md"', prompt: Fix it. }
  - { id: keep, title: Keep it?, needs: [fix], pause: { show: fix, message: "Keep this?" } }
  - { id: look, title: Look, needs: [keep], tool: lint, paths: '"notes.md"' }
]]

--- Makes a world with a workflow that fixes and asks.
function H.world(files)
  return T.World.new(
    vim.tbl_extend(
      'force',
      { ['notes.md'] = H.NOTES, ['.callboard/workflows/tidy.yaml'] = TIDY },
      files or {}
    )
  )
end

--- Returns the session of a world.
function H.session(w)
  return require('callboard.session').at(w.workspace)
end

--- Presses keys, as a person does.
function H.press(keys)
  vim.api.nvim_feedkeys(vim.keycode(keys), 'xt', false)
end

--- Waits for a pause that waits.
function H.paused(w, id)
  return T.wait('the pause ' .. id, function()
    local pause = H.session(w).store.pauses[id]
    return pause and not pause.answered and pause
  end)
end

--- Waits for the page of a pause in the current window.
function H.page(id)
  return T.wait('the page of ' .. id, function()
    local bufnr = vim.api.nvim_get_current_buf()
    return vim.api.nvim_buf_get_name(bufnr):match('/' .. id .. '%.md$') and bufnr
  end)
end

--- Runs the workflow to its pause and returns the buffer of that pause's page, which is in the current window.
function H.at_pause(w)
  w:edit('notes.md')
  T.callboard('run tidy')
  H.paused(w, 'p1')
  T.callboard('inbox p1')
  return H.page('p1')
end

--- Gives a world's person an agent that is a script.
function H.script(w, name, title, text)
  local folder = '../config/callboard/agents/'
  w:write(folder .. name .. '.sh', '#!/bin/sh\n' .. text)
  vim.uv.fs_chmod(w.root .. '/config/callboard/agents/' .. name .. '.sh', 493) -- 0755
  w:write(
    folder .. name .. '.yaml',
    ('name: %s\ntitle: %s\ndriver: tool\ncommand: [./%s.sh]\n'):format(name, title, name)
  )
end

--- Returns what stands in the lines above a buffer's first one.
function H.above(bufnr)
  local lines = {}
  for _, mark in ipairs(vim.api.nvim_buf_get_extmarks(bufnr, -1, 0, -1, { details = true })) do
    for _, line in ipairs(mark[4].virt_lines or {}) do
      local text = ''
      for _, chunk in ipairs(line) do
        text = text .. chunk[1]
      end
      table.insert(lines, text)
    end
  end
  return table.concat(lines, '\n')
end

--- Waits until the buttons of a page say something.
function H.shows(bufnr, text)
  T.wait('the buttons say ' .. text, function()
    return H.above(bufnr):find(text, 1, true)
  end)
end

return H

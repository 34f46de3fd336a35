--- Files that agents change while they are open: what the buffer shows is what is on the disk, unless the person typed into it.
local M = {}

---@type table<string, true> roots whose files are about to be looked at
local queued = {}

--- Returns whether a person lets files be read again; where the buffer says nothing, what holds for all.
---@param bufnr integer
---@return boolean
local function autoread(bufnr)
  local own = vim.bo[bufnr].autoread
  if own == nil then
    return vim.go.autoread
  end
  return own
end

--- Reads the files of a root again that were changed on the disk, where their buffers hold nothing of their own. The others
--- are the hub's: it carries what was changed into them by an edit. Many calls at once are one.
---@param root string
function M.read(root)
  if queued[root] then
    return
  end
  queued[root] = true
  vim.schedule(function()
    queued[root] = nil
    for _, bufnr in ipairs(vim.api.nvim_list_bufs()) do
      local name = vim.api.nvim_buf_get_name(bufnr)
      if
        vim.api.nvim_buf_is_loaded(bufnr)
        and vim.bo[bufnr].buftype == ''
        and not vim.bo[bufnr].modified
        and vim.startswith(name, root .. '/')
        and autoread(bufnr)
        and vim.uv.fs_stat(name)
      then
        vim.cmd('silent! checktime ' .. bufnr)
      end
    end
  end)
end

--- Saves buffers, as the hub asks before a turn where the person set it so. Returns which of them are saved.
---@param uris string[]
---@return callboard.SaveBuffersResult
function M.save(uris)
  local saved = {}
  for _, uri in ipairs(uris) do
    local bufnr = vim.uri_to_bufnr(uri)
    if vim.api.nvim_buf_is_loaded(bufnr) then
      pcall(vim.api.nvim_buf_call, bufnr, function()
        vim.cmd('silent update')
      end)
      if not vim.bo[bufnr].modified then
        table.insert(saved, uri)
      end
    end
  end
  return { saved = saved }
end

return M

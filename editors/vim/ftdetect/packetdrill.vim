" Written by `cargo ci editors`.
autocmd BufRead,BufNewFile *.pkt setfiletype packetdrill

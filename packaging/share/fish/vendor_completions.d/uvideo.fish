function _uvideo_completion
    set -l response (env _UVIDEO_COMPLETE=fish_complete COMP_WORDS=(commandline -cp) COMP_CWORD=(commandline -t) \
                     uvideo 2>/dev/null)
    for completion in $response
        set -l parts (string split -m 1 "," -- $completion)
        if test "$parts[1]" = file
            __fish_complete_path $parts[2]
        else if test "$parts[1]" = plain
            echo $parts[2]
        end
    end
end
complete --no-files --command uvideo --arguments "(_uvideo_completion)"

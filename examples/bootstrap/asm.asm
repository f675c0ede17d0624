# asm.asm: the macro assembler in its own language; gives the same bytes as asm.hex1.
#
# Usage: asm SOURCE PROGRAM
# A source is words between blanks, and comments from a number sign to the line end:
#   DEF name hex   a macro, defined once and before its first use
#   name           the bytes of that macro
#   $hex           these bytes
#   %123  !12      a decimal number in four bytes, low byte first, or in one
#   "text"         these characters
#   :name          a label;   .name =name @name   references to it, as in hex1
# Macros and labels have separate name spaces. Anything else, an undefined or doubly
# defined name, a number that does not fit, more than 1 MiB, more than 4096 labels or as
# many macros: exit 1.
#
# Registers: ebx reading position, ebp end of the source, r11d end of the macros, r12d
# bytes written, r13d end of the labels, r14 program path, r15d pass (0 or 1).

# Instructions: one macro each, named after the mnemonic; a trailing i8, i32, m32 or jump
# target is the operand that follows the macro where it is used.
DEF add_al,i8                      04
DEF add_eax,i32                    05
DEF add_ebp,eax                    01C5
DEF add_r11d,i8                    4183C3
DEF add_r13d,i8                    4183C5
DEF add_r8d,i8                     4183C0
DEF add_r9d,i8                     4183C1
DEF add_rax,rcx                    4801C8
DEF and_al,i8                      24
DEF call                           E8
DEF cmp_al,i8                      3C
DEF cmp_byte[r9+1],i8              41807901
DEF cmp_byte[r9+2],i8              41807902
DEF cmp_byte[r9],i8                418039
DEF cmp_byte[rbx],i8               803B
DEF cmp_eax,i32                    3D
DEF cmp_eax,i8                     83F8
DEF cmp_ebx,ebp                    39EB
DEF cmp_ecx,i8                     83F9
DEF cmp_edx,[r8+4]                 413B5004
DEF cmp_edx,i8                     83FA
DEF cmp_r11d,i32                   4181FB
DEF cmp_r12d,i32                   4181FC
DEF cmp_r13d,i32                   4181FD
DEF cmp_r15d,i8                    4183FF
DEF cmp_r8d,r10d                   4539D0
DEF cmp_r8d,r11d                   4539D8
DEF cmp_r8d,r13d                   4539E8
DEF cmp_rcx,rax                    4839C1
DEF dec_ebx                        FFCB
DEF dec_ecx                        FFC9
DEF dec_edx                        FFCA
DEF imul_rax,rax,i8                486BC0
DEF inc_ebx                        FFC3
DEF inc_r12d                       41FFC4
DEF inc_r15d                       41FFC7
DEF inc_r9d                        41FFC1
DEF ja                             0F87
DEF jbe                            0F86
DEF je                             0F84
DEF jle                            0F8E
DEF jmp                            E9
DEF jne                            0F85
DEF jnz                            0F85
DEF js                             0F88
DEF jz                             0F84
DEF mov_[r11+12],edx               4189530C
DEF mov_[r11+4],edx                41895304
DEF mov_[r11+8],r9d                45894B08
DEF mov_[r11],r9d                  45890B
DEF mov_[r12+m32],al               41888424
DEF mov_[r13+4],edx                41895504
DEF mov_[r13+8],r12d               45896508
DEF mov_[r13],r9d                  45894D00
DEF mov_eax,[r8+8]                 418B4008
DEF mov_eax,i32                    B8
DEF mov_ebp,i32                    BD
DEF mov_ebx,eax                    89C3
DEF mov_ebx,i32                    BB
DEF mov_ecx,eax                    89C1
DEF mov_ecx,edx                    89D1
DEF mov_ecx,i32                    B9
DEF mov_edi,[r8]                   418B38
DEF mov_edi,ebx                    89DF
DEF mov_edi,i32                    BF
DEF mov_edx,[r8+12]                418B500C
DEF mov_edx,ebx                    89DA
DEF mov_edx,i32                    BA
DEF mov_edx,r12d                   4489E2
DEF mov_esi,ebp                    89EE
DEF mov_esi,i32                    BE
DEF mov_esi,r9d                    4489CE
DEF mov_r10d,r11d                  4589DA
DEF mov_r10d,r13d                  4589EA
DEF mov_r11d,i32                   41BB
DEF mov_r13d,i32                   41BD
DEF mov_r8d,eax                    4189C0
DEF mov_r8d,i32                    41B8
DEF mov_r9d,[r8+8]                 458B4808
DEF mov_r9d,ebx                    4189D9
DEF mov_rdi,r14                    4C89F7
DEF movzx_eax,byte[r9+1]           410FB64101
DEF movzx_eax,byte[r9]             410FB601
DEF movzx_eax,byte[rbx]            0FB603
DEF movzx_ecx,byte[r9]             410FB609
DEF or_eax,r8d                     4409C0
DEF pop_r12                        415C
DEF pop_r14                        415E
DEF pop_rax                        58
DEF pop_rdi                        5F
DEF push_r12                       4154
DEF repe_cmpsb                     F3A6
DEF ret                            C3
DEF shl_eax,4                      C1E004
DEF shr_eax,8                      C1E808
DEF sub_al,i8                      2C
DEF sub_eax,i8                     83E8
DEF sub_eax,r12d                   4429E0
DEF sub_ecx,i8                     83E9
DEF sub_edx,ebp                    29EA
DEF sub_edx,i8                     83EA
DEF sub_edx,r9d                    4429CA
DEF sub_r12d,eax                   4129C4
DEF syscall                        0F05
DEF test_dl,i8                     F6C2
DEF test_eax,eax                   85C0
DEF test_r12d,r12d                 4585E4
DEF test_r15d,r15d                 4585FF
DEF xor_eax,eax                    31C0
DEF xor_edi,edi                    31FF
DEF xor_esi,esi                    31F6
DEF xor_r12d,r12d                  4531E4
DEF xor_r15d,r15d                  4531FF

# Memory map and constants, four bytes each, low byte first.
DEF SOURCE         00000010        # the source text
DEF SOURCE_END     00001010
DEF OUTPUT         00001010        # the program being built
DEF OUTPUT_SIZE    00001000
DEF LABELS         00002010        # 4096 entries of 16 bytes: name, length, offset, unused
DEF LABELS_END     00002110
DEF MACROS         00002110        # 4096 entries of 16 bytes: name, length, body, body length
DEF MACROS_END     00002210
DEF MEMORY         00002200        # all of it

# ELF header, 64 bytes
    $7F454C46                 # magic
    $02010100                 # 64-bit, little endian, version 1, System V
    $0000000000000000         # padding
    $0200                     # executable
    $3E00                     # x86-64
    $01000000                 # version 1
    =start                    # entry point, low half
    $00000000                 # entry point, high half
    $4000000000000000         # program headers start at 64
    $0000000000000000         # no section headers
    $00000000                 # flags
    $4000                     # size of this header
    $3800                     # size of a program header
    $0200                     # two program headers
    $000000000000             # no sections

# Program header, 56 bytes: the whole file, readable and executable, at 0x400000
    $01000000                 # loadable
    $05000000                 # read, execute
    $0000000000000000         # from file offset 0
    $0000400000000000         # virtual address
    $0000400000000000         # physical address
    @end                      # size in the file, low half
    $00000000                 # size in the file, high half
    @end                      # size in memory, low half
    $00000000                 # size in memory, high half
    $0010000000000000         # alignment

# Program header, 56 bytes: zeroed memory, readable and writable, at 0x10000000
    $01000000                 # loadable
    $06000000                 # read, write
    $0000000000000000         # nothing from the file
    $0000001000000000         # virtual address
    $0000001000000000         # physical address
    $0000000000000000         # size in the file
    MEMORY                    # size in memory, low half
    $00000000                 # size in memory, high half
    $0010000000000000         # alignment

# Read the source into memory. Exactly 1 MiB or more is refused.
:start
    pop_rax                           # argument count
    cmp_eax,i8 !3
    jne .fail
    pop_rdi                           # own name
    pop_rdi                           # source path
    pop_r14                           # program path
    xor_esi,esi                       # read only
    mov_eax,i32 %2                    # open
    syscall
    test_eax,eax
    js .fail
    mov_ebx,eax                       # the source, for now
    mov_ebp,i32 SOURCE
:load
    mov_edi,ebx
    mov_esi,ebp
    mov_edx,i32 SOURCE_END
    sub_edx,ebp
    jz .fail                  # no room left
    xor_eax,eax                       # read
    syscall
    test_eax,eax
    js .fail
    jz .loaded                # end of the source
    add_ebp,eax
    jmp .load

# Two passes over the same text: the first finds where labels are, the second knows.
:loaded
    mov_r13d,i32 LABELS
    mov_r11d,i32 MACROS
    xor_r15d,r15d
:pass
    mov_ebx,i32 SOURCE
    xor_r12d,r12d
:next
    cmp_ebx,ebp
    je .pass_end
    movzx_eax,byte[rbx]
    inc_ebx
    cmp_al,i8 !9                      # tab
    je .next
    cmp_al,i8 !10                     # line end
    je .next
    cmp_al,i8 !32                     # space
    je .next
    cmp_al,i8 "#"
    je .comment
    cmp_al,i8 ":"
    je .define
    cmp_al,i8 "."
    je .relative
    cmp_al,i8 "="
    je .absolute
    cmp_al,i8 "@"
    je .offset
    cmp_al,i8 "%"
    je .word
    cmp_al,i8 "!"
    je .byte
    cmp_al,i8 "$"
    je .raw
    cmp_al,i8 !34                     # quotation mark
    je .string
    dec_ebx
    call .name
    cmp_edx,i8 !3
    jne .use
    cmp_byte[r9],i8 "D"
    jne .use
    cmp_byte[r9+1],i8 "E"
    jne .use
    cmp_byte[r9+2],i8 "F"
    je .macro

# A macro used: its body was checked when it was defined.
:use
    call .find_macro
    cmp_r8d,r11d
    je .fail                  # no such macro
    mov_r9d,[r8+8]
    mov_edx,[r8+12]
    call .hex
    jmp .next
:raw
    call .name
    call .hex
    jmp .next

# A macro defined: in the first pass, before its first use, and only once.
:macro
    call .operand
    test_r15d,r15d
    jnz .macro_again
    call .find_macro
    cmp_r8d,r11d
    jne .fail                 # already there
    cmp_r11d,i32 MACROS_END
    je .fail                  # no room left
    mov_[r11],r9d
    mov_[r11+4],edx
    call .operand
    mov_[r11+8],r9d
    mov_[r11+12],edx
    add_r11d,i8 !16
    push_r12
    call .hex                 # to check it; nothing of it is kept
    pop_r12
    jmp .next
:macro_again
    call .operand
    jmp .next

# The next name on this line.
:operand
    cmp_ebx,ebp
    je .fail
    cmp_byte[rbx],i8 !32
    jne .name
    inc_ebx
    jmp .operand

# Decimal numbers: four bytes, low byte first, or one byte.
:word
    call .name
    call .number
    call .emit4
    jmp .next
:byte
    call .name
    call .number
    cmp_eax,i32 %255
    ja .fail
    call .emit
    jmp .next

# Text between quotation marks, as it is; it may not run over the line.
:string
    cmp_ebx,ebp
    je .fail
    movzx_eax,byte[rbx]
    inc_ebx
    cmp_al,i8 !34                     # quotation mark
    je .next
    cmp_al,i8 !10
    je .fail
    call .emit
    jmp .string

:comment
    cmp_ebx,ebp
    je .pass_end
    movzx_eax,byte[rbx]
    inc_ebx
    cmp_al,i8 !10
    jne .comment
    jmp .next

# A label: remember name and place in the first pass; a second one of that name is refused.
:define
    call .name
    test_r15d,r15d
    jnz .next
    call .find_label
    cmp_r8d,r13d
    jne .fail                 # already there
    cmp_r13d,i32 LABELS_END
    je .fail                  # no room left
    mov_[r13],r9d
    mov_[r13+4],edx
    mov_[r13+8],r12d
    add_r13d,i8 !16
    jmp .next

# The three references, four bytes each, low byte first.
:relative                     # from the end of the reference
    call .resolve
    sub_eax,r12d
    sub_eax,i8 !4
    call .emit4
    jmp .next
:absolute                     # in memory
    call .resolve
    add_eax,i32 %4194304
    call .emit4
    jmp .next
:offset                       # in the file
    call .resolve
    call .emit4
    jmp .next

# The label named here to eax: its offset, or 0 in the first pass.
:resolve
    call .name
    xor_eax,eax
    test_r15d,r15d
    jz .resolved
    call .find_label
    cmp_r8d,r13d
    je .fail                  # no such label
    mov_eax,[r8+8]
:resolved
    ret

# A name runs to the next byte that is a space or less: start to r9d, length to edx.
:name
    mov_r9d,ebx
:name_next
    cmp_ebx,ebp
    je .name_end
    cmp_byte[rbx],i8 !32
    jbe .name_end
    inc_ebx
    jmp .name_next
:name_end
    mov_edx,ebx
    sub_edx,r9d
    jz .fail                  # no name
    ret

# The entry of that name to r8d, or the end of the table (r10d) when there is none.
:find_macro
    mov_r8d,i32 MACROS
    mov_r10d,r11d
    jmp .lookup
:find_label
    mov_r8d,i32 LABELS
    mov_r10d,r13d
:lookup
    cmp_r8d,r10d
    je .lookup_end
    cmp_edx,[r8+4]                    # same length?
    jne .lookup_skip
    mov_esi,r9d
    mov_edi,[r8]
    mov_ecx,edx
    repe_cmpsb
    je .lookup_end
:lookup_skip
    add_r8d,i8 !16
    jmp .lookup
:lookup_end
    ret

# The digits at r9d, edx of them, as a number of at most 32 bits to eax.
:number
    xor_eax,eax
:number_next
    imul_rax,rax,i8 !10
    movzx_ecx,byte[r9]
    sub_ecx,i8 "0"
    cmp_ecx,i8 !9
    ja .fail
    add_rax,rcx
    mov_ecx,eax
    cmp_rcx,rax
    jne .fail                 # more than 32 bits
    inc_r9d
    dec_edx
    jnz .number_next
    ret

# Append the bytes that the hex pairs at r9d, edx digits of them, name.
:hex
    test_dl,i8 !1
    jnz .fail                 # half a pair
:hex_next
    movzx_eax,byte[r9]
    call .digit
    shl_eax,4
    mov_r8d,eax
    movzx_eax,byte[r9+1]
    call .digit
    or_eax,r8d
    call .emit
    add_r9d,i8 !2
    sub_edx,i8 !2
    jnz .hex_next
    ret

# Hex digit in al to its value.
:digit
    sub_al,i8 !48                     # digit 0
    cmp_al,i8 !9
    jbe .digit_end
    and_al,i8 !223                    # lower case to upper
    sub_al,i8 !17                     # letter A
    cmp_al,i8 !5
    ja .fail
    add_al,i8 !10
:digit_end
    ret

# Append al, or the four bytes of eax, to the program.
:emit
    cmp_r12d,i32 OUTPUT_SIZE
    je .fail                  # no room left
    mov_[r12+m32],al OUTPUT
    inc_r12d
    ret
:emit4
    mov_ecx,i32 %4
:emit4_next
    call .emit
    shr_eax,8
    dec_ecx
    jnz .emit4_next
    ret

# After the second pass: write the program. What could not be written whole is removed.
:pass_end
    inc_r15d
    cmp_r15d,i8 !2
    jne .pass
    test_r12d,r12d                    # an empty program is refused
    jz .fail
    mov_rdi,r14
    mov_esi,i32 %577                  # write, create, truncate
    mov_edx,i32 %493                  # mode 0755
    mov_eax,i32 %2                    # open
    syscall
    test_eax,eax
    js .fail
    mov_ebx,eax                       # the program
    mov_ebp,i32 OUTPUT
:write
    mov_edi,ebx
    mov_esi,ebp
    mov_edx,r12d
    mov_eax,i32 %1                    # write
    syscall
    test_eax,eax
    jle .undo
    add_ebp,eax
    sub_r12d,eax
    jnz .write
    mov_edi,ebx
    mov_eax,i32 %3                    # close
    syscall
    test_eax,eax
    jnz .remove
    xor_edi,edi                       # status 0
    jmp .exit
:undo                         # truncating first spares devices
    mov_edi,ebx
    xor_esi,esi
    mov_eax,i32 %77                   # ftruncate
    syscall
    test_eax,eax
    jnz .fail
:remove
    mov_rdi,r14
    mov_eax,i32 %87                   # unlink
    syscall
:fail
    mov_edi,i32 %1                    # status 1
:exit
    mov_eax,i32 %60                   # exit
    syscall
:end

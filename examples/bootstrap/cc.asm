# cc.asm: the compiler, in the language of asm. The language it compiles is described in
# README.md; cc.bc is the same compiler in that language, and gives the same bytes.
#
# Usage: cc SOURCE PROGRAM
# One pass over the source: what is parsed is emitted at once, calls and jumps forward are
# patched later. Errors are written to standard error as SOURCE:LINE:COLUMN: MESSAGE, exit
# 1, and the program is only written after the last check.
#
# Registers: ebx reading position, ebp end of the source, r12d place in the program, r13d
# token, r14 its number or length, r15d its start. A token is 0 at the end, 1 for a name,
# 2 for a number, 3 for text, else its one or two characters.
# An expression leaves its value in rax; the program's own stack keeps the rest.
#
# Names, 32 bytes each: 0 start, 4 length, 8 value, 16 kind, 20 parameters (-1 when not
# known), 24 last call to patch, 28 first use. Kinds: 1 constant, 2 global, 3 local,
# 5 function, 6 function called but not yet defined, from 16 on keywords.
# Places to assign to: 2 global, 3 local, 8 byte, 9 word.

# Instructions: one macro each, named after the mnemonic; a trailing i8, i32, m32 or jump
# target is the operand that follows the macro where it is used.
DEF add_dl,i8                      80C2
DEF add_dword[m32],i8              830425
DEF add_eax,ecx                    01C8
DEF add_eax,i8                     83C0
DEF add_ebp,eax                    01C5
DEF add_ebx,i8                     83C3
DEF add_esi,i8                     83C6
DEF add_r10d,i8                    4183C2
DEF add_r14,rax                    4901C6
DEF add_r8d,i8                     4183C0
DEF add_rsp,i8                     4883C4
DEF and_eax,i8                     83E0
DEF call                           E8
DEF cmp_al,i8                      3C
DEF cmp_byte[rbx+1],i8             807B01
DEF cmp_byte[rbx],i8               803B
DEF cmp_byte[rdx],i8               803A
DEF cmp_cl,i8                      80F9
DEF cmp_dword[r8+16],i8            41837810
DEF cmp_dword[r8+20],i8            41837814
DEF cmp_dword[rsp],i8              833C24
DEF cmp_eax,edi                    39F8
DEF cmp_eax,i32                    3D
DEF cmp_eax,i8                     83F8
DEF cmp_eax,r13d                   4439E8
DEF cmp_ebx,ebp                    39EB
DEF cmp_ebx,r15d                   4439FB
DEF cmp_ecx,eax                    39C1
DEF cmp_ecx,i8                     83F9
DEF cmp_edi,[rsp]                  3B3C24
DEF cmp_edi,i8                     83FF
DEF cmp_edx,[r8+20]                413B5014
DEF cmp_edx,i8                     83FA
DEF cmp_r12d,[m32]                 443B2425
DEF cmp_r12d,i32                   4181FC
DEF cmp_r13d,edi                   4139FD
DEF cmp_r13d,i8                    4183FD
DEF cmp_r14d,[r8+4]                453B7004
DEF cmp_r8d,[m32]                  443B0425
DEF cmp_r8d,i32                    4181F8
DEF cmp_r8d,r10d                   4539D0
DEF cmp_rax,i32                    483D
DEF dec_dword[m32]                 FF0C25
DEF dec_ebx                        FFCB
DEF dec_ecx                        FFC9
DEF dec_rsi                        48FFCE
DEF div_ecx                        F7F1
DEF imul_r14,rdi                   4C0FAFF7
DEF inc_dword[m32]                 FF0425
DEF inc_dword[rsp]                 FF0424
DEF inc_eax                        FFC0
DEF inc_ebx                        FFC3
DEF inc_edi                        FFC7
DEF inc_esi                        FFC6
DEF inc_r12d                       41FFC4
DEF inc_r13d                       41FFC5
DEF inc_rdx                        48FFC2
DEF ja                             0F87
DEF jae                            0F83
DEF jb                             0F82
DEF jbe                            0F86
DEF je                             0F84
DEF jle                            0F8E
DEF jmp                            E9
DEF jne                            0F85
DEF jnz                            0F85
DEF js                             0F88
DEF jz                             0F84
DEF lea_ebx,[r15+1]                418D5F01
DEF lea_ebx,[r15+r14]              438D1C37
DEF lea_ecx,[rax-48]               8D48D0
DEF lea_edx,[rcx+m32]              8D91
DEF lea_esi,[rsi+rax+4]            8D740604
DEF lea_r15d,[rbx+2]               448D7B02
DEF lea_rsi,[rsp+23]               488D742417
DEF mov_[m32],eax                  890425
DEF mov_[m32],r12d                 44892425
DEF mov_[m32],rax                  48890425
DEF mov_[m32],rdi                  48893C25
DEF mov_[r10+8],eax                41894208
DEF mov_[r12+m32],al               41888424
DEF mov_[r8+16],esi                41897010
DEF mov_[r8+20],edx                41895014
DEF mov_[r8+24],r12d               45896018
DEF mov_[r8+28],r15d               4589781C
DEF mov_[r8+4],r14d                45897004
DEF mov_[r8+8],eax                 41894008
DEF mov_[r8+8],r12                 4D896008
DEF mov_[r8+8],rax                 49894008
DEF mov_[r8+8],rdx                 49895008
DEF mov_[r8],r15d                  458938
DEF mov_[rax+104],r12d             44896068
DEF mov_[rax+160],ecx              8988A0000000
DEF mov_[rax+96],r12d              44896060
DEF mov_[rax+m32],ecx              8988
DEF mov_[rsi],dl                   8816
DEF mov_al,[rsi]                   8A06
DEF mov_al,i8                      B0
DEF mov_byte[rsi],i8               C606
DEF mov_dword[r8+16],i32           41C74010
DEF mov_dword[r8+20],i32           41C74014
DEF mov_dword[r8+24],i32           41C74018
DEF mov_dword[r8+28],i32           41C7401C
DEF mov_eax,[m32]                  8B0425
DEF mov_eax,[r8+16]                418B4010
DEF mov_eax,[r8+24]                418B4018
DEF mov_eax,[r8+8]                 418B4008
DEF mov_eax,[rsp]                  8B0424
DEF mov_eax,ecx                    89C8
DEF mov_eax,edx                    89D0
DEF mov_eax,i32                    B8
DEF mov_eax,r12d                   4489E0
DEF mov_eax,r13d                   4489E8
DEF mov_ebp,i32                    BD
DEF mov_ebx,eax                    89C3
DEF mov_ebx,i32                    BB
DEF mov_ecx,[m32]                  8B0C25
DEF mov_ecx,eax                    89C1
DEF mov_ecx,edx                    89D1
DEF mov_ecx,i32                    B9
DEF mov_ecx,r12d                   4489E1
DEF mov_ecx,r14d                   4489F1
DEF mov_edi,[r8]                   418B38
DEF mov_edi,ebx                    89DF
DEF mov_edi,i32                    BF
DEF mov_edx,[rax+m32]              8B90
DEF mov_edx,i32                    BA
DEF mov_edx,r12d                   4489E2
DEF mov_esi,ebp                    89EE
DEF mov_esi,i32                    BE
DEF mov_esi,r13d                   4489EE
DEF mov_esi,r15d                   4489FE
DEF mov_r10d,[m32]                 448B1425
DEF mov_r10d,[r8+28]               458B501C
DEF mov_r10d,i32                   41BA
DEF mov_r10d,r15d                  4589FA
DEF mov_r10d,r9d                   4589CA
DEF mov_r12d,[m32]                 448B2425
DEF mov_r12d,i32                   41BC
DEF mov_r13d,eax                   4189C5
DEF mov_r13d,i32                   41BD
DEF mov_r14,[m32]                  4C8B3425
DEF mov_r14d,eax                   4189C6
DEF mov_r14d,ebx                   4189DE
DEF mov_r14d,r9d                   4589CE
DEF mov_r15d,ebx                   4189DF
DEF mov_r15d,r10d                  4589D7
DEF mov_r8d,[m32]                  448B0425
DEF mov_r8d,i32                    41B8
DEF mov_rax,[r8+8]                 498B4008
DEF mov_rax,r14                    4C89F0
DEF mov_rcx,r14                    4C89F1
DEF mov_rcx,rax                    4889C1
DEF mov_rdi,[m32]                  488B3C25
DEF mov_rdx,rsi                    4889F2
DEF mov_rsi,[m32]                  488B3425
DEF mov_rsi,r14                    4C89F6
DEF movzx_eax,byte[rbx]            0FB603
DEF movzx_eax,byte[rsi+3]          0FB64603
DEF movzx_eax,word[rsi]            0FB706
DEF movzx_ecx,byte[rbx]            0FB60B
DEF movzx_ecx,byte[rsi]            0FB60E
DEF movzx_edi,byte[rsi+2]          0FB67E02
DEF movzx_esi,byte[rbx+1]          0FB67301
DEF movzx_r14d,byte[rbx]           440FB633
DEF neg_eax                        F7D8
DEF or_eax,i8                      83C8
DEF or_ecx,i8                      83C9
DEF or_r13d,ecx                    4109CD
DEF pop_r10                        415A
DEF pop_r8                         4158
DEF pop_r9                         4159
DEF pop_rax                        58
DEF pop_rcx                        59
DEF pop_rdi                        5F
DEF pop_rdx                        5A
DEF pop_rsi                        5E
DEF push_i8                        6A
DEF push_r10                       4152
DEF push_r12                       4154
DEF push_r14                       4156
DEF push_r15                       4157
DEF push_r8                        4150
DEF push_rax                       50
DEF push_rcx                       51
DEF push_rdi                       57
DEF push_rdx                       52
DEF push_rsi                       56
DEF repe_cmpsb                     F3A6
DEF ret                            C3
DEF shl_eax,3                      C1E003
DEF shl_ecx,3                      C1E103
DEF shl_ecx,8                      C1E108
DEF shr_eax,8                      C1E808
DEF shr_rax,32                     48C1E820
DEF shr_rcx,31                     48C1E91F
DEF shr_rcx,60                     48C1E93C
DEF sub_eax,[rsp]                  2B0424
DEF sub_eax,i8                     83E8
DEF sub_eax,r12d                   4429E0
DEF sub_ecx,eax                    29C1
DEF sub_ecx,i8                     83E9
DEF sub_edx,ebp                    29EA
DEF sub_r12d,eax                   4129C4
DEF sub_r14d,r15d                  4529FE
DEF sub_rdx,rsi                    4829F2
DEF sub_rsp,i8                     4883EC
DEF syscall                        0F05
DEF test_eax,eax                   85C0
DEF test_ecx,ecx                   85C9
DEF test_r13d,r13d                 4585ED
DEF test_r14d,r14d                 4585F6
DEF test_r8d,r8d                   4585C0
DEF xor_eax,eax                    31C0
DEF xor_ecx,ecx                    31C9
DEF xor_edi,edi                    31FF
DEF xor_edx,edx                    31D2
DEF xor_esi,esi                    31F6
DEF xor_r12d,r12d                  4531E4
DEF xor_r13d,r13d                  4531ED
DEF xor_r14d,r14d                  4531F6
DEF xor_r8d,r8d                    4531C0

# Memory map and constants, four bytes each, low byte first.
DEF SOURCE         00000010        # the source text, and a zero after it
DEF SOURCE_END     00001010
DEF CODE           00002010        # the program being built
DEF PATCH          FCFF1F10        # CODE - 4
DEF CODE_SIZE      00001000
DEF GLOBALS        00003010        # 4096 names
DEF GLOBALS_END    00003210
DEF LOCALS         00003210        # 256 names
DEF LOCALS_END     00203210
DEF path           00203210        # source path
DEF program        08203210        # program path
DEF globals_end    10203210
DEF locals_end     18203210
DEF slots          20203210        # local variables of this function
DEF depth          28203210        # of nesting
DEF memory         30203210        # bytes of globals so far
DEF place          38203210        # what the last load loaded
DEF place_value    40203210
DEF place_at       48203210        # where the load starts
DEF place_end      50203210        # and ends
DEF MEMORY         58203200        # all of it
DEF DATA           00000020        # where globals of the program lie

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
    jne .usage
    pop_rdi                           # own name
    pop_rdi                           # source path
    mov_[m32],rdi path
    pop_rax
    mov_[m32],rax program
    xor_esi,esi                       # read only
    mov_eax,i32 %2                    # open
    syscall
    test_eax,eax
    js .unreadable
    mov_ebx,eax                       # the source, for now
    mov_ebp,i32 SOURCE
:load
    mov_edi,ebx
    mov_esi,ebp
    mov_edx,i32 SOURCE_END
    sub_edx,ebp
    jz .unreadable            # no room left
    xor_eax,eax                       # read
    syscall
    test_eax,eax
    js .unreadable
    jz .loaded                # end of the source
    add_ebp,eax
    jmp .load

# Keywords are names like others, and main is a function that the program's start calls.
:loaded
    mov_eax,i32 GLOBALS
    mov_[m32],eax globals_end
    mov_eax,i32 LOCALS
    mov_[m32],eax locals_end
    mov_ebx,i32 =keywords
:install
    movzx_r14d,byte[rbx]
    test_r14d,r14d
    jz .installed
    movzx_esi,byte[rbx+1]
    lea_r15d,[rbx+2]
    call .add
    lea_ebx,[r15+r14]
    jmp .install
:installed
    mov_dword[r8+20],i32 %2           # main takes two arguments
    mov_dword[r8+24],i32 %188         # and is called from there
    mov_dword[r8+28],i32 SOURCE       # a missing one is reported at the first line
    mov_eax,i32 %8
    mov_[m32],eax memory
    xor_r12d,r12d
    mov_esi,i32 =code_start
    call .emits
    mov_ebx,i32 SOURCE
    call .next

# Definitions, up to the end of the source.
:top
    test_r13d,r13d
    jz .finish
    cmp_r13d,i8 !1
    jne .unexpected
    call .lookup
    test_r8d,r8d
    jz .unexpected
    mov_eax,[r8+16]
    cmp_eax,i8 !16
    je .function
    cmp_eax,i8 !17
    je .global
    cmp_eax,i8 !18
    je .constant
    cmp_eax,i8 !19
    jne .unexpected

# buf NAME [ NUMBER ] ;   a constant: the address of so many bytes.
    call .fresh
    mov_esi,i32 %1
    call .add
    push_r8
    call .next
    mov_edi,i32 %91
    call .expect
    call .literal
    pop_r8
    call .reserve
    mov_edi,i32 %93
    call .expect
    mov_edi,i32 %59
    call .expect
    jmp .top

# var NAME ;
:global
    call .fresh
    mov_esi,i32 %2
    call .add
    mov_eax,i32 %8
    call .reserve
    call .next
    mov_edi,i32 %59
    call .expect
    jmp .top

# const NAME = NUMBER ;
:constant
    call .fresh
    mov_esi,i32 %1
    call .add
    push_r8
    call .next
    mov_edi,i32 %61
    call .expect
    call .literal
    pop_r8
    mov_[r8+8],rax
    mov_edi,i32 %59
    call .expect
    jmp .top

# The next token must be a name that is not in use.
:fresh
    call .next
    cmp_r13d,i8 !1
    jne .unexpected
    call .lookup
    test_r8d,r8d
    jnz .defined
    ret

# A number, or a constant's name, to rax, and the token after it.
:literal
    mov_rax,r14
    cmp_r13d,i8 !2
    je .literal_end
    cmp_r13d,i8 !1
    jne .unexpected
    call .lookup
    test_r8d,r8d
    jz .undefined
    cmp_dword[r8+16],i8 !1
    jne .unexpected
    mov_rax,[r8+8]
:literal_end
    push_rax
    call .next
    pop_rax
    ret

# Memory for the name at r8: rax bytes, rounded up to whole words, at most 256 MiB in all.
:reserve
    cmp_rax,i32 %268435456
    ja .too_much
    mov_ecx,[m32] memory
    lea_edx,[rcx+m32] DATA
    mov_[r8+8],rdx
    add_eax,i8 !7
    and_eax,i8 !248
    add_eax,ecx
    mov_[m32],eax memory
    cmp_eax,i32 %268435456
    ja .too_much
    ret

# fn NAME ( NAME , ... ) { ... }
:function
    call .next
    cmp_r13d,i8 !1
    jne .unexpected
    call .lookup
    test_r8d,r8d
    jnz .function_seen
    mov_esi,i32 %6
    call .add
:function_seen
    cmp_dword[r8+16],i8 !6
    jne .defined
    push_r15
    push_r8
    call .next
    mov_edi,i32 %40
    call .expect
    push_i8 !0                        # parameters so far
:parameter
    cmp_r13d,i8 ")"
    je .parameters_end
    cmp_dword[rsp],i8 !0
    je .parameter_first
    mov_edi,i32 %44
    call .expect
:parameter_first
    call .declare
    add_dword[m32],i8 locals_end !32
    call .next
    inc_dword[rsp]
    jmp .parameter
:parameters_end
    call .next
    pop_rdx                           # parameters
    pop_r8                            # the function
    pop_r9                            # where its name stands
    mov_r10d,i32 LOCALS
    mov_ecx,edx
:displace                     # the last one lies 16 bytes above the frame
    test_ecx,ecx
    jz .displaced
    mov_eax,ecx
    shl_eax,3
    add_eax,i8 !8
    mov_[r10+8],eax
    add_r10d,i8 !32
    dec_ecx
    jmp .displace
:displaced
    cmp_dword[r8+20],i8 !255
    jne .called_before
    mov_[r8+20],edx
:called_before
    mov_r10d,r9d
    cmp_edx,[r8+20]
    jne .miscounted
    mov_dword[r8+16],i32 %5
    mov_[r8+8],r12
    mov_eax,[r8+24]
:settle                       # every call so far points to the one before it
    test_eax,eax
    jz .settled
    mov_edx,[rax+m32] CODE
    mov_ecx,r12d
    sub_ecx,eax
    sub_ecx,i8 !4
    mov_[rax+m32],ecx CODE
    mov_eax,edx
    jmp .settle
:settled
    mov_esi,i32 =code_enter
    call .emits
    xor_eax,eax
    mov_[m32],eax slots
    call .emit4
    push_r12
    cmp_r13d,i8 "{"
    jne .unexpected
    call .block
    mov_esi,i32 =code_leave_0
    call .emits
    pop_rax
    mov_ecx,[m32] slots
    shl_ecx,3
    mov_[rax+m32],ecx PATCH
    mov_eax,i32 LOCALS
    mov_[m32],eax locals_end
    jmp .top

# The name here as a new local at r8; it counts once locals_end moves.
:declare
    cmp_r13d,i8 !1
    jne .unexpected
    call .lookup
    test_r8d,r8d
    jnz .defined
    mov_r8d,[m32] locals_end
    cmp_r8d,i32 LOCALS_END
    je .too_many
    mov_[r8],r15d
    mov_[r8+4],r14d
    mov_dword[r8+16],i32 %3
    ret

:block
    call .next
:block_next
    cmp_r13d,i8 "}"
    je .next
    call .statement
    jmp .block_next

:statement
    call .deeper
    call .statement_inner
:shallower
    dec_dword[m32] depth
    ret
:deeper
    mov_eax,[m32] depth
    inc_eax
    mov_[m32],eax depth
    cmp_eax,i32 %200
    ja .too_deep
    ret
:statement_inner
    cmp_r13d,i8 "{"
    je .block
    cmp_r13d,i8 !1
    jne .simple
    call .lookup
    test_r8d,r8d
    jz .simple
    mov_eax,[r8+16]
    cmp_eax,i8 !17
    je .local
    cmp_eax,i8 !20
    je .if
    cmp_eax,i8 !22
    je .while
    cmp_eax,i8 !23
    je .return

# An expression, or an assignment: the load emitted last becomes a store.
:simple
    xor_eax,eax
    mov_[m32],eax place_end
    call .value
    cmp_r13d,i8 "="
    jne .semicolon
    cmp_r12d,[m32] place_end
    jne .unassignable
    mov_r12d,[m32] place_at
    mov_eax,[m32] place
    push_rax
    mov_ecx,[m32] place_value
    push_rcx
    cmp_eax,i8 !8
    jb .assign
    mov_esi,i32 =code_byte_at
    je .assign_address
    mov_esi,i32 =code_word_at
:assign_address
    call .emits
:assign
    call .next
    call .value
    pop_rcx
    pop_rax
    cmp_eax,i8 !8
    je .assign_byte
    ja .assign_word
    push_rcx
    mov_esi,i32 =code_store_global
    cmp_eax,i8 !2
    je .assign_named
    mov_esi,i32 =code_store_local
:assign_named
    call .emits
    pop_rax
    call .emit4
    jmp .semicolon
:assign_byte
    mov_esi,i32 =code_store_byte
    call .emits
    jmp .semicolon
:assign_word
    mov_esi,i32 =code_store_word
    call .emits
:semicolon
    mov_edi,i32 %59
:expect                       # the token in edi
    cmp_r13d,edi
    jne .unexpected
    jmp .next

# var NAME ;   var NAME = EXPRESSION ;
:local
    call .next
    call .declare
    mov_eax,[m32] slots
    inc_eax
    shl_eax,3
    neg_eax
    mov_[r8+8],eax
    push_rax
    call .next
    cmp_r13d,i8 "="
    jne .local_zero
    call .next
    call .value
    jmp .local_store
:local_zero
    mov_esi,i32 =code_zero
    call .emits
:local_store
    add_dword[m32],i8 locals_end !32
    inc_dword[m32] slots
    mov_esi,i32 =code_store_local
    call .emits
    pop_rax
    call .emit4
    jmp .semicolon

# if ( EXPRESSION ) STATEMENT   and perhaps   else STATEMENT
:if
    call .next
    call .condition
    push_rax
    call .statement
    cmp_r13d,i8 !1
    jne .if_end
    call .lookup
    test_r8d,r8d
    jz .if_end
    cmp_dword[r8+16],i8 !21
    jne .if_end
    mov_al,i8 !233
    call .emit
    xor_eax,eax
    call .emit4
    pop_rax
    push_r12
    call .patch
    call .next
    call .statement
:if_end
    pop_rax

# Let the jump that ends at rax lead here.
:patch
    mov_ecx,r12d
    sub_ecx,eax
    mov_[rax+m32],ecx PATCH
    ret

# while ( EXPRESSION ) STATEMENT
:while
    push_r12
    call .next
    call .condition
    push_rax
    call .statement
    mov_al,i8 !233
    call .emit
    pop_rdx
    pop_rax
    push_rdx
    sub_eax,r12d
    sub_eax,i8 !4
    call .emit4
    pop_rax
    jmp .patch

# ( EXPRESSION ) and a jump taken when it is 0; the end of the jump to rax.
:condition
    mov_edi,i32 %40
    call .expect
    call .value
    mov_edi,i32 %41
    call .expect
    mov_esi,i32 =code_jump_0
    call .emits
    xor_eax,eax
    call .emit4
    mov_eax,r12d
    ret

# return ;   return EXPRESSION ;
:return
    call .next
    cmp_r13d,i8 ";"
    jne .return_value
    mov_esi,i32 =code_leave_0
    call .emits
    jmp .next
:return_value
    call .value
    mov_esi,i32 =code_leave
    call .emits
    jmp .semicolon

# An expression of operators of at least level edi: precedence climbing.
:value
    mov_edi,i32 %1
:expression
    push_rdi
    call .unary
:binary
    mov_esi,i32 =operators
:operator
    movzx_eax,word[rsi]
    test_eax,eax
    jz .expression_end
    cmp_eax,r13d
    je .operator_found
    movzx_eax,byte[rsi+3]
    lea_esi,[rsi+rax+4]
    jmp .operator
:operator_found
    movzx_edi,byte[rsi+2]
    cmp_edi,[rsp]
    jb .expression_end
    inc_edi
    cmp_edi,i8 !3
    jbe .logical
    push_rsi
    push_rdi
    mov_al,i8 !80                     # push rax
    call .emit
    call .next
    pop_rdi
    call .expression
    mov_esi,i32 =code_operands
    call .emits
    pop_rsi
    add_esi,i8 !3
    call .emits
    jmp .binary
:logical                      # level + 1 is 2 for or, 3 for and
    push_rdi
    mov_esi,i32 =code_test
    call .emits
    mov_eax,i32 %135                  # jnz is 85, jz is 84
    sub_eax,[rsp]
    call .emit
    xor_eax,eax
    call .emit4
    call .next
    pop_rdi
    push_r12
    call .expression
    pop_rax
    call .patch
    mov_esi,i32 =code_truth
    call .emits
    jmp .binary
:expression_end
    pop_rdi
    ret

:unary
    call .deeper
    call .unary_inner
    jmp .shallower
:unary_inner
    mov_esi,i32 =code_negate
    cmp_r13d,i8 "-"
    je .prefix
    mov_esi,i32 =code_invert
    cmp_r13d,i8 "~"
    je .prefix
    mov_esi,i32 =code_not
    cmp_r13d,i8 "!"
    je .prefix
    call .operand
:index                        # [ EXPRESSION ] is a byte, [[ EXPRESSION ]] a word
    cmp_r13d,i8 "["
    jne .index_end
    call .next
    push_i8 !8
    cmp_r13d,i8 "["
    jne .index_byte
    inc_dword[rsp]
    call .next
:index_byte
    mov_al,i8 !80                     # push rax
    call .emit
    call .value
    mov_edi,i32 %93
    call .expect
    cmp_dword[rsp],i8 !8
    je .index_whole
    mov_edi,i32 %93
    call .expect
:index_whole
    mov_al,i8 !89                     # pop rcx
    call .emit
    pop_rax
    mov_[m32],eax place
    mov_[m32],r12d place_at
    mov_esi,i32 =code_load_byte
    cmp_eax,i8 !8
    je .index_load
    mov_esi,i32 =code_load_word
:index_load
    call .emits
    mov_[m32],r12d place_end
    jmp .index
:index_end
    ret
:prefix
    push_rsi
    call .next
    call .unary
    pop_rsi
    jmp .emits

:operand
    cmp_r13d,i8 !2
    je .number
    cmp_r13d,i8 !3
    je .text
    cmp_r13d,i8 !1
    je .named
    cmp_r13d,i8 "("
    jne .unexpected
    call .next
    call .value
    mov_edi,i32 %41
    jmp .expect
:number
    mov_rax,r14
    call .emit_number
    jmp .next

# Text lies in the program itself: a call over it leaves its address.
:text
    mov_al,i8 !232
    call .emit
    xor_eax,eax
    call .emit4
    push_r12
    lea_ebx,[r15+1]
:text_next
    movzx_eax,byte[rbx]
    inc_ebx
    cmp_al,i8 !34                     # quotation mark
    je .text_end
    call .unescape
    call .emit
    jmp .text_next
:text_end
    xor_eax,eax
    call .emit
    pop_rax
    call .patch
    mov_al,i8 !88                     # pop rax
    call .emit
    jmp .next

# A name: called when an opening parenthesis follows, else loaded.
:named
    push_r15
    push_r14
    call .lookup
    push_r8
    call .next
    pop_r8                            # its entry
    pop_r9                            # its length
    pop_r10                           # where it stands
    cmp_r13d,i8 "("
    je .invoke
    test_r8d,r8d
    jz .undefined_name
    mov_eax,[r8+16]
    cmp_eax,i8 !1
    je .named_constant
    mov_esi,i32 =code_load_global
    cmp_eax,i8 !2
    je .named_place
    mov_esi,i32 =code_load_local
    cmp_eax,i8 !3
    jne .valueless
:named_place
    mov_[m32],eax place
    mov_eax,[r8+8]
    mov_[m32],eax place_value
    mov_[m32],r12d place_at
    push_rax
    call .emits
    pop_rax
    call .emit4
    mov_[m32],r12d place_end
    ret
:named_constant
    mov_rax,[r8+8]

# Load rax as a number: five bytes when it fits in 31 bits, else ten.
:emit_number
    push_rax
    mov_rcx,rax
    shr_rcx,31
    jnz .emit_number_long
    mov_al,i8 !184
    call .emit
    pop_rax
    jmp .emit4
:emit_number_long
    mov_esi,i32 =code_number
    call .emits
    mov_eax,[rsp]
    call .emit4
    pop_rax
    shr_rax,32
    jmp .emit4

# A call. A function not defined yet is entered in the table; its calls form a chain.
:invoke
    test_r8d,r8d
    jnz .invoke_known
    mov_r15d,r10d
    mov_r14d,r9d
    mov_esi,i32 %6
    call .add
    mov_r10d,r15d
:invoke_known
    mov_eax,[r8+16]
    cmp_eax,i8 !5
    je .invoke_arguments
    cmp_eax,i8 !6
    je .invoke_arguments
    cmp_eax,i8 !24
    jne .uncallable
:invoke_arguments
    push_r10
    push_r8
    push_i8 !0                        # arguments so far
    call .next
    cmp_r13d,i8 ")"
    je .arguments_end
:argument
    call .value
    mov_al,i8 !80                     # push rax
    call .emit
    inc_dword[rsp]
    cmp_r13d,i8 ","
    jne .arguments_end
    call .next
    jmp .argument
:arguments_end
    mov_edi,i32 %41
    call .expect
    pop_rdx                           # arguments
    pop_r8
    pop_r10
    cmp_dword[r8+16],i8 !24
    je .system_call
    cmp_dword[r8+20],i8 !255
    jne .invoke_counted
    mov_[r8+20],edx
:invoke_counted
    cmp_edx,[r8+20]
    jne .miscounted
    push_rdx
    mov_al,i8 !232
    call .emit
    cmp_dword[r8+16],i8 !5
    jne .invoke_forward
    mov_eax,[r8+8]
    sub_eax,r12d
    sub_eax,i8 !4
    jmp .invoke_target
:invoke_forward
    mov_eax,[r8+24]
    mov_[r8+24],r12d
:invoke_target
    call .emit4
    mov_esi,i32 =code_drop
    call .emits
    pop_rax
    shl_eax,3
    jmp .emit4
:system_call
    cmp_edx,i8 !4
    jne .miscounted
    mov_esi,i32 =code_syscall
    jmp .emits

# The next token.
:next
    movzx_eax,byte[rbx]
    mov_r15d,ebx
    cmp_ebx,ebp
    je .next_end
    inc_ebx
    cmp_al,i8 !9                      # tab
    je .next
    cmp_al,i8 !10                     # line end
    je .next
    cmp_al,i8 !32                     # space
    je .next
    cmp_al,i8 "/"
    jne .next_token
    cmp_byte[rbx],i8 "/"
    jne .next_token
:next_comment
    cmp_ebx,ebp
    je .next
    cmp_byte[rbx],i8 !10
    je .next
    inc_ebx
    jmp .next_comment
:next_end
    xor_r13d,r13d
    ret
:next_token
    call .class
    cmp_ecx,i8 !1
    je .next_name
    ja .next_number
    cmp_al,i8 !34                     # quotation mark
    je .next_text
    cmp_al,i8 !39                     # apostrophe
    je .next_character
    cmp_al,i8 !33
    jb .bad_character
    cmp_al,i8 !126
    ja .bad_character
    mov_r13d,eax
    movzx_ecx,byte[rbx]
    cmp_al,i8 "<"
    je .next_double
    cmp_al,i8 ">"
    je .next_double
    cmp_al,i8 "="
    je .next_equals
    cmp_al,i8 "!"
    je .next_equals
    cmp_al,i8 "&"
    je .next_same
    cmp_al,i8 "|"
    je .next_same
    ret
:next_double
    cmp_ecx,eax
    je .next_pair
:next_equals
    cmp_cl,i8 "="
    je .next_pair
    ret
:next_same
    cmp_ecx,eax
    je .next_pair
    ret
:next_pair
    shl_ecx,8
    or_r13d,ecx
    inc_ebx
    ret

:next_name
    movzx_eax,byte[rbx]
    call .class
    test_ecx,ecx
    jz .next_name_end
    inc_ebx
    jmp .next_name
:next_name_end
    mov_r14d,ebx
    sub_r14d,r15d
    mov_r13d,i32 %1
    ret

# Decimal, or 0x and hex digits. r14 takes the value, edi the base.
:next_number
    xor_r14d,r14d
    mov_edi,i32 %10
    dec_ebx
    cmp_al,i8 "0"
    jne .next_digit
    cmp_byte[rbx+1],i8 "x"
    jne .next_digit
    mov_edi,i32 %16
    add_ebx,i8 !2
    movzx_eax,byte[rbx]
    call .class
    test_ecx,ecx
    jz .bad_number
:next_digit
    movzx_eax,byte[rbx]
    call .class
    test_ecx,ecx
    jz .next_number_end
    sub_eax,i8 "0"
    cmp_eax,i8 !9
    jbe .next_digit_value
    add_eax,i8 "0"
    or_eax,i8 !32                     # upper case to lower
    sub_eax,i8 !87                    # letter a is 10
:next_digit_value
    cmp_eax,edi
    jae .bad_number
    mov_rcx,r14
    shr_rcx,60
    jnz .bad_number
    imul_r14,rdi
    add_r14,rax
    inc_ebx
    jmp .next_digit
:next_number_end
    mov_r13d,i32 %2
    ret

# Text is only measured here; a backslash hides the character after it.
:next_text
    movzx_eax,byte[rbx]
    inc_ebx
    cmp_al,i8 !34                     # quotation mark
    je .next_text_end
    cmp_al,i8 !92                     # backslash
    jne .next_text_plain
    movzx_eax,byte[rbx]
    inc_ebx
:next_text_plain
    cmp_al,i8 !10
    je .open_text
    cmp_ebx,ebp
    ja .open_text
    jmp .next_text
:next_text_end
    mov_r13d,i32 %3
    ret

:next_character
    movzx_eax,byte[rbx]
    inc_ebx
    cmp_al,i8 !10
    je .bad_literal
    cmp_al,i8 !39                     # apostrophe
    je .bad_literal
    call .unescape
    cmp_byte[rbx],i8 !39
    jne .bad_literal
    cmp_ebx,ebp
    jae .bad_literal
    inc_ebx
    mov_r14d,eax
    mov_r13d,i32 %2
    ret

# When al is a backslash: the character that it and the next one stand for.
:unescape
    cmp_al,i8 !92                     # backslash
    jne .unescape_end
    movzx_eax,byte[rbx]
    inc_ebx
    cmp_al,i8 !92
    je .unescape_end
    cmp_al,i8 !34                     # quotation mark
    je .unescape_end
    cmp_al,i8 !39                     # apostrophe
    je .unescape_end
    mov_ecx,eax
    mov_eax,i32 %10
    cmp_cl,i8 "n"
    je .unescape_end
    mov_eax,i32 %9
    cmp_cl,i8 "t"
    je .unescape_end
    xor_eax,eax
    cmp_cl,i8 "0"
    jne .bad_escape
:unescape_end
    ret

# The class of al to ecx: 1 letter or underscore, 2 digit, 0 neither.
:class
    lea_ecx,[rax-48]
    cmp_ecx,i8 !9
    jbe .class_digit
    mov_ecx,eax
    or_ecx,i8 !32                     # upper case to lower
    sub_ecx,i8 "a"
    cmp_ecx,i8 !25
    jbe .class_letter
    cmp_al,i8 "_"
    je .class_letter
    xor_ecx,ecx
    ret
:class_letter
    mov_ecx,i32 %1
    ret
:class_digit
    mov_ecx,i32 %2
    ret

# The name here: its entry to r8d, or 0. Locals come first.
:lookup
    mov_r8d,i32 LOCALS
    mov_r10d,[m32] locals_end
    call .scan
    test_r8d,r8d
    jnz .scan_end
    mov_r8d,i32 GLOBALS
    mov_r10d,[m32] globals_end
:scan
    cmp_r8d,r10d
    je .scan_none
    cmp_r14d,[r8+4]
    jne .scan_skip
    mov_edi,[r8]
    mov_esi,r15d
    mov_ecx,r14d
    repe_cmpsb
    je .scan_end
:scan_skip
    add_r8d,i8 !32
    jmp .scan
:scan_none
    xor_r8d,r8d
:scan_end
    ret

# The name here becomes a global of kind esi; its entry to r8d.
:add
    mov_r8d,[m32] globals_end
    cmp_r8d,i32 GLOBALS_END
    je .too_many
    mov_[r8],r15d
    mov_[r8+4],r14d
    mov_[r8+16],esi
    mov_dword[r8+20],i32 %4294967295
    mov_[r8+28],r15d
    add_dword[m32],i8 globals_end !32
    ret

# Append al; the four bytes of eax; the counted bytes at esi.
:emit
    cmp_r12d,i32 CODE_SIZE
    jae .too_large
    mov_[r12+m32],al CODE
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
:emits
    movzx_ecx,byte[rsi]
:emits_next
    inc_esi
    mov_al,[rsi]
    call .emit
    dec_ecx
    jnz .emits_next
    ret

# Every function called must be there by now. Then fill in the sizes and write.
:finish
    mov_r8d,i32 GLOBALS
:finish_next
    cmp_r8d,[m32] globals_end
    je .finished
    mov_r10d,[r8+28]
    cmp_dword[r8+16],i8 !6
    je .undefined_function
    add_r8d,i8 !32
    jmp .finish_next
:finished
    mov_eax,i32 CODE
    mov_[rax+96],r12d
    mov_[rax+104],r12d
    mov_ecx,[m32] memory
    mov_[rax+160],ecx
    mov_rdi,[m32] program
    mov_esi,i32 %577                  # write, create, truncate
    mov_edx,i32 %493                  # mode 0755
    mov_eax,i32 %2                    # open
    syscall
    test_eax,eax
    js .unwritable
    mov_ebx,eax                       # the program
    mov_ebp,i32 CODE
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

# What could not be written whole is removed; truncating first spares devices.
:undo
    mov_edi,ebx
    xor_esi,esi
    mov_eax,i32 %77                   # ftruncate
    syscall
    test_eax,eax
    jnz .unwritable
:remove
    mov_rdi,[m32] program
    mov_eax,i32 %87                   # unlink
    syscall
:unwritable
    mov_r14,[m32] program
    mov_r13d,i32 =message_write
    jmp .complain
:unreadable
    mov_r14,[m32] path
    mov_r13d,i32 =message_read
:complain
    mov_rsi,r14
    call .print
    mov_esi,i32 =separator
    call .print
    mov_esi,r13d
    jmp .last_words
:usage
    mov_esi,i32 =message_usage
:last_words
    call .print
    mov_esi,i32 =line_end
    call .print
:fail
    mov_edi,i32 %1                    # status 1
:exit
    mov_eax,i32 %60                   # exit
    syscall

# Errors at r10d, then those at the token.
:undefined_name
    mov_r15d,r10d
:undefined
    mov_esi,i32 =message_undefined
    jmp .error
:undefined_function
    mov_r15d,r10d
    mov_esi,i32 =message_function
    jmp .error
:valueless
    mov_r15d,r10d
    mov_esi,i32 =message_valueless
    jmp .error
:uncallable
    mov_r15d,r10d
    mov_esi,i32 =message_uncallable
    jmp .error
:miscounted
    mov_r15d,r10d
    mov_esi,i32 =message_miscounted
    jmp .error
:unexpected
    mov_esi,i32 =message_unexpected
    jmp .error
:defined
    mov_esi,i32 =message_defined
    jmp .error
:unassignable
    mov_esi,i32 =message_unassignable
    jmp .error
:too_many
    mov_esi,i32 =message_many
    jmp .error
:too_much
    mov_esi,i32 =message_much
    jmp .error
:too_deep
    mov_esi,i32 =message_deep
    jmp .error
:too_large
    mov_esi,i32 =message_large
    jmp .error
:bad_character
    mov_esi,i32 =message_character
    jmp .error
:bad_number
    mov_esi,i32 =message_number
    jmp .error
:bad_literal
    mov_esi,i32 =message_literal
    jmp .error
:bad_escape
    mov_esi,i32 =message_escape
    jmp .error
:open_text
    mov_esi,i32 =message_text

# Print path, line and column of r15d, and the message at esi.
:error
    push_rsi
    mov_r12d,i32 %1                   # line
    mov_r13d,i32 %1                   # column
    mov_ebx,i32 SOURCE
:error_next
    cmp_ebx,r15d
    jae .error_print
    inc_r13d
    cmp_byte[rbx],i8 !10
    jne .error_same
    inc_r12d
    mov_r13d,i32 %1
:error_same
    inc_ebx
    jmp .error_next
:error_print
    mov_rsi,[m32] path
    call .print
    mov_esi,i32 =colon
    call .print
    mov_eax,r12d
    call .print_number
    mov_esi,i32 =colon
    call .print
    mov_eax,r13d
    call .print_number
    mov_esi,i32 =separator
    call .print
    pop_rsi
    jmp .last_words

# Print the text at rsi, up to its zero.
:print
    mov_rdx,rsi
:print_next
    cmp_byte[rdx],i8 !0
    je .print_end
    inc_rdx
    jmp .print_next
:print_end
    sub_rdx,rsi
    mov_edi,i32 %2
    mov_eax,i32 %1                    # write
    syscall
    ret
:print_number
    sub_rsp,i8 !24
    lea_rsi,[rsp+23]
    mov_byte[rsi],i8 !0
    mov_ecx,i32 %10
:print_digit
    xor_edx,edx
    div_ecx
    add_dl,i8 "0"
    dec_rsi
    mov_[rsi],dl
    test_eax,eax
    jnz .print_digit
    call .print
    add_rsp,i8 !24
    ret

# Names known from the start: length, kind, text.
:keywords
    !2 !16 "fn"                        # kind 16
    !3 !17 "var"                       # kind 17
    !5 !18 "const"                     # kind 18
    !3 !19 "buf"                       # kind 19
    !2 !20 "if"                        # kind 20
    !4 !21 "else"                      # kind 21
    !5 !22 "while"                     # kind 22
    !6 !23 "return"                    # kind 23
    !7 !24 "syscall"                   # kind 24
    !4 !6 "main"                       # kind 6
    !0

# Operators: token, level, and counted code that puts "rax operator rcx" in rax.
:operators
    "||" !1 !0                         # made of jumps
    "&&" !2 !0                         # made of jumps
    "|" !0 !3 !3 $4809C8               # or rax, rcx
    "^" !0 !4 !3 $4831C8               # xor rax, rcx
    "&" !0 !5 !3 $4821C8               # and rax, rcx
    "==" !6 !9 $4839C80F94C00FB6C0     # cmp rax, rcx; sete al; movzx eax, al
    "!=" !6 !9 $4839C80F95C00FB6C0     # cmp rax, rcx; setne al; movzx eax, al
    "<" !0 !7 !9 $4839C80F9CC00FB6C0   # cmp rax, rcx; setl al; movzx eax, al
    "<=" !7 !9 $4839C80F9EC00FB6C0     # cmp rax, rcx; setle al; movzx eax, al
    ">" !0 !7 !9 $4839C80F9FC00FB6C0   # cmp rax, rcx; setg al; movzx eax, al
    ">=" !7 !9 $4839C80F9DC00FB6C0     # cmp rax, rcx; setge al; movzx eax, al
    "<<" !8 !3 $48D3E0                 # shl rax, cl
    ">>" !8 !3 $48D3E8                 # shr rax, cl
    "+" !0 !9 !3 $4801C8               # add rax, rcx
    "-" !0 !9 !3 $4829C8               # sub rax, rcx
    "*" !0 !10 !4 $480FAFC1            # imul rax, rcx
    "/" !0 !10 !5 $489948F7F9          # cqo; idiv rcx
    "%" !0 !10 !8 $489948F7F94889D0    # cqo; idiv rcx; mov rax, rdx
    !0 !0

# What a program is made of, counted.
:code_operands
    !4 $4889C158                       # mov rcx, rax; pop rax
:code_test
    !4 $4885C00F                       # test rax, rax; first half of jz or jnz
:code_truth
    !9 $4885C00F95C00FB6C0             # test rax, rax; setne al; movzx eax, al
:code_not
    !9 $4885C00F94C00FB6C0             # test rax, rax; sete al; movzx eax, al
:code_negate
    !3 $48F7D8                         # neg rax
:code_invert
    !3 $48F7D0                         # not rax
:code_jump_0
    !5 $4885C00F84                     # test rax, rax; jz
:code_enter
    !7 $554889E54881EC                 # push rbp; mov rbp, rsp; sub rsp, i32
:code_leave_0
    !4 $31C0C9C3                       # xor eax, eax; leave; ret
:code_leave
    !2 $C9C3                           # leave; ret
:code_zero
    !2 $31C0                           # xor eax, eax
:code_number
    !2 $48B8                           # mov rax, i64
:code_load_global
    !4 $488B0425                       # mov rax, [m32]
:code_load_local
    !3 $488B85                         # mov rax, [rbp+m32]
:code_store_global
    !4 $48890425                       # mov [m32], rax
:code_store_local
    !3 $488985                         # mov [rbp+m32], rax
:code_load_byte
    !4 $0FB60401                       # movzx eax, byte [rcx+rax]
:code_load_word
    !4 $488B04C1                       # mov rax, [rcx+rax*8]
:code_byte_at
    !5 $488D040150                     # lea rax, [rcx+rax]; push rax
:code_word_at
    !5 $488D04C150                     # lea rax, [rcx+rax*8]; push rax
:code_store_byte
    !3 $598801                         # pop rcx; mov [rcx], al
:code_store_word
    !4 $59488901                       # pop rcx; mov [rcx], rax
:code_drop
    !3 $4881C4                         # add rsp, i32
:code_syscall
    !6 $5A5E5F580F05                   # pop rdx; pop rsi; pop rdi; pop rax; syscall

# The first bytes of every program: headers as above, then the call of main.
:code_start
    !201 $7F454C46020101000000000000000000
    $02003E0001000000B000400000000000
    $40000000000000000000000000000000
    $00000000400038000200000000000000
    $01000000050000000000000000000000 # code at 0x400000
    $00004000000000000000400000000000
    $00000000000000000000000000000000 # its size, twice
    $0010000000000000
    $01000000060000000000000000000000 # globals at 0x20000000
    $00000020000000000000002000000000
    $00000000000000000000000000000000 # their size, second half
    $0010000000000000
    $488B0424                 # mov rax, [rsp]
    $488D4C2408               # lea rcx, [rsp+8]
    $50                       # push rax
    $51                       # push rcx
    $E800000000               # call main, at 188
    $89C7                     # mov edi, eax
    $B83C000000               # mov eax, 60
    $0F05                     # syscall

:message_undefined
    "undefined name" !0
:message_function
    "undefined function" !0
:message_valueless
    "not a value" !0
:message_uncallable
    "not a function" !0
:message_miscounted
    "wrong number of arguments" !0
:message_unexpected
    "unexpected token" !0
:message_defined
    "already defined" !0
:message_unassignable
    "cannot assign to this" !0
:message_many
    "too many names" !0
:message_much
    "too much memory" !0
:message_deep
    "nested too deeply" !0
:message_large
    "program too large" !0
:message_character
    "bad character" !0
:message_number
    "bad number" !0
:message_literal
    "bad character literal" !0
:message_escape
    "bad escape" !0
:message_text
    "text does not end on its line" !0
:message_read
    "cannot read the source, or it is 1 MiB or more" !0
:message_write
    "cannot write the program" !0
:message_usage
    "usage: cc SOURCE PROGRAM" !0
:separator
    ": " !0
:colon
    ":" !0
:line_end
    !10 !0
:end

import FoundationEssentials

/// PDFs of one line, "The sealed letter names the harbour master.", encrypted with AES-128 by qpdf.
enum SealedPDF {
    static let sentence = "The sealed letter names the harbour master."
    static let password = "letmein"

    /// Opens with `password` only.
    static var locked: [UInt8] { bytes(lockedText) }
    /// Encrypted as half of all company PDFs are: the user password is empty.
    static var open: [UInt8] { bytes(openText) }

    private static func bytes(_ text: String) -> [UInt8] { Data(base64Encoded: text).map { Array($0) } ?? [] }

    private static let lockedText = """
        JVBERi0xLjYKJb/3ov4KMSAwIG9iago8PCAvUGFnZXMgMyAwIFIgL1R5cGUgL0NhdGFsb2cgPj4KZW5kb2JqCjIgMCBvYmoKPDwg\
        L1R5cGUgL09ialN0bSAvTGVuZ3RoIDE5MiAvRmlsdGVyIC9GbGF0ZURlY29kZSAvTiAzIC9GaXJzdCAxNCA+PgpzdHJlYW0KHcjT\
        mAa7MiCwDFMigLwvQQYuz4/WZ408677yZ3K+rf5qtIKazQkq9J3r4TLvA26dVEGpItHFToG2skvVOKBPcarO1e66WrUCwqMuBIgA\
        V6vc1CZth6qUgRyjPeKRrZk5Mfz8NBBhSW9Q9kZwHKzADlDLYJgB6j7sygbC88bQPerFiJ+gswldjTXUBQ1JbvsS0oA1MFiZTdWg\
        PPlOgJXrO2VBYEYcGUuFSDXX8WcFWaprPbfmjzpSfsV1xv42wgClZW5kc3RyZWFtCmVuZG9iago2IDAgb2JqCjw8IC9MZW5ndGgg\
        OTYgL0ZpbHRlciAvRmxhdGVEZWNvZGUgPj4Kc3RyZWFtCndJE1r8CFui5MqEjrzgHucZ6bS5+6OFBXYFRO6QY8emcPNXaxPYnDeO\
        6jMR2e8XxHlMz3oTy1ax2r3DOYbqgWlL47sCeU7oHTqn5HfPcukABamJPi7q+jrJQ8vtticJJWVuZHN0cmVhbQplbmRvYmoKNyAw\
        IG9iago8PCAvQ0YgPDwgL1N0ZENGIDw8IC9BdXRoRXZlbnQgL0RvY09wZW4gL0NGTSAvQUVTVjIgL0xlbmd0aCAxNiA+PiA+PiAv\
        RmlsdGVyIC9TdGFuZGFyZCAvTGVuZ3RoIDEyOCAvTyA8MTJiNTkyNDBjNTJmMjNmZTE2NzU4MDU3NTBhZmMxMjZkNDU0ODlkMzEy\
        OWZkYmVmYjg4OGZkZThkNjQ3NGZhMD4gL1AgLTQgL1IgNCAvU3RtRiAvU3RkQ0YgL1N0ckYgL1N0ZENGIC9VIDxjMGE3NDA1ZDdi\
        ZjE3ODEyZTYwY2IxYzhlMzlkYmNkNTAxMjI0NTZhOTFiYWU1MTM0MjczYTZkYjEzNGM4N2M0PiAvViA0ID4+CmVuZG9iago4IDAg\
        b2JqCjw8IC9UeXBlIC9YUmVmIC9MZW5ndGggNDIgL0ZpbHRlciAvRmxhdGVEZWNvZGUgL0RlY29kZVBhcm1zIDw8IC9Db2x1bW5z\
        IDQgL1ByZWRpY3RvciAxMiA+PiAvVyBbIDEgMiAxIF0gL1Jvb3QgMSAwIFIgL1NpemUgOSAvSUQgWzw1Nzc2YWIyOGM2MDQ4ZTkx\
        MDAwN2FhM2Q0NzM0YmVhMT48NTc3NmFiMjhjNjA0OGU5MTAwMDdhYTNkNDczNGJlYTE+XSAvRW5jcnlwdCA3IDAgUiA+PgpzdHJl\
        YW0KeJxjYgACJkYGfgYmBgZDEOsQiMXACCH+Myb9Y2JgXAYUY9RmAABBhQRMCmVuZHN0cmVhbQplbmRvYmoKc3RhcnR4cmVmCjgy\
        MQolJUVPRgo=
        """

    private static let openText = """
        JVBERi0xLjYKJb/3ov4KMSAwIG9iago8PCAvUGFnZXMgMyAwIFIgL1R5cGUgL0NhdGFsb2cgPj4KZW5kb2JqCjIgMCBvYmoKPDwg\
        L1R5cGUgL09ialN0bSAvTGVuZ3RoIDE5MiAvRmlsdGVyIC9GbGF0ZURlY29kZSAvTiAzIC9GaXJzdCAxNCA+PgpzdHJlYW0KpFeF\
        x3ej/ChNhBBLWfVTUVWpyqABP8exXY3iCKvi5VP4YfdXcxEGDIeA76ADJQFz6OLk7CVhFpOhoXGJ7NiH4QCzWVwOqhIGpUcaLitL\
        FHJ335q8ayW1hx7mjQgh4cdSwR4yJUhnFS/qZTM8AUWMQQFeASM4NDw2Awe3ho6nDI12M+4AynOXQd0ag257Ttsov3l/CaDs9My/\
        LsM+Pa3wqSrS1duXNhBY7bz6QbZ19XzFd92XrSAjgWGN2Yb7hzF5ZW5kc3RyZWFtCmVuZG9iago2IDAgb2JqCjw8IC9MZW5ndGgg\
        OTYgL0ZpbHRlciAvRmxhdGVEZWNvZGUgPj4Kc3RyZWFtCkAu5ngETLsL4Y9fds6uM0HJmKGfHLXQqEHQV4PcFkAYUFjYLwGffyrS\
        KiXHSS/s7ZRdFOQgEubb6MGX7ujQqLiuCOnSzXaW16aFY9VZM4Fh7G48dVv3C3DlL2m20HmmC2VuZHN0cmVhbQplbmRvYmoKNyAw\
        IG9iago8PCAvQ0YgPDwgL1N0ZENGIDw8IC9BdXRoRXZlbnQgL0RvY09wZW4gL0NGTSAvQUVTVjIgL0xlbmd0aCAxNiA+PiA+PiAv\
        RmlsdGVyIC9TdGFuZGFyZCAvTGVuZ3RoIDEyOCAvTyA8NTY2ZmE4NzNlZTMzYzc5N2NkM2I5MDRmZGFkZjgxNGFmYTM0ZGY5YTM4\
        ZjZlZDQxYjk4NGUyYzZkYTJhYTZmNT4gL1AgLTQgL1IgNCAvU3RtRiAvU3RkQ0YgL1N0ckYgL1N0ZENGIC9VIDxkMjRjZjhlZWYy\
        Y2EwZTAyOWQwNTZjN2U3MDQ5MjllYzAxMjI0NTZhOTFiYWU1MTM0MjczYTZkYjEzNGM4N2M0PiAvViA0ID4+CmVuZG9iago4IDAg\
        b2JqCjw8IC9UeXBlIC9YUmVmIC9MZW5ndGggNDIgL0ZpbHRlciAvRmxhdGVEZWNvZGUgL0RlY29kZVBhcm1zIDw8IC9Db2x1bW5z\
        IDQgL1ByZWRpY3RvciAxMiA+PiAvVyBbIDEgMiAxIF0gL1Jvb3QgMSAwIFIgL1NpemUgOSAvSUQgWzw4OTc0ZDA0NTdlMDQzMWQz\
        YTlmOGMxZTQ3MWMyNWFiMj48ODk3NGQwNDU3ZTA0MzFkM2E5ZjhjMWU0NzFjMjVhYjI+XSAvRW5jcnlwdCA3IDAgUiA+PgpzdHJl\
        YW0KeJxjYgACJkYGfgYmBgZDEOsQiMXACCH+Myb9Y2JgXAYUY9RmAABBhQRMCmVuZHN0cmVhbQplbmRvYmoKc3RhcnR4cmVmCjgy\
        MQolJUVPRgo=
        """
}

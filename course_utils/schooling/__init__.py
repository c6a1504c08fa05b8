"""After school: from a folder of pictures to a finished student, its report, and its answers (lesson 13)."""

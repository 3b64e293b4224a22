//! Every test of this room in one program: each further one would be linked, and kept on the disk, once more.

mod cases;
mod due_list;
mod farrington_slow;
mod pool_recall;
mod pooling_tables;
mod reference;
mod scan;
